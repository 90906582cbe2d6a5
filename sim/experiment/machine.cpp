#include "sim/experiment/machine.hpp"

#include <fmt/format.h>

#include <optional>
#include <set>

namespace triad::experiment {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> architecture_names(const device::Registry& registry) {
  std::vector<std::string> names;
  for (const auto& architecture : registry.all()) names.push_back(architecture.name);
  return names;
}

/// By the key `architecture`, or, where it is absent, the folder in which the file lies or one that it extends:
/// configs/tpu.
const device::Architecture& architecture_of(const device::Registry& registry, const config::Node& node) {
  const std::vector<std::string> names = architecture_names(registry);
  if (const auto key = node.find("architecture")) return *registry.find(key->choice(names));
  for (const fs::path& file : node.sources()) {
    if (const auto* architecture = registry.find(file.parent_path().filename().string())) return *architecture;
  }
  node.fail(fmt::format("missing key architecture: which of {} is it? (or extend a preset)", fmt::join(names, ", ")));
}

struct Built {
  Machine machine;
  std::set<std::string> unknown;  ///< places of "device." settings that this device does not have
};

Machine build(const device::Registry& registry, const DeviceName& name,
              const std::vector<const DeviceSetting*>& settings) {
  const config::Node node = config::load(name.file);
  for (const auto& [path, value] : name.changes) config::apply(node, path, value);
  for (const DeviceSetting* setting : settings) config::apply(node, setting->change);
  Machine machine;
  machine.name = name.name;
  machine.file = name.file;
  machine.architecture = &architecture_of(registry, node);
  node.find("summary");  // for `triad list`
  machine.device = machine.architecture->make(node);
  node.reject_unread();
  machine.config_digest = config::digest(node);
  machine.configuration = node;
  return machine;
}

Built build_with(const device::Registry& registry, const DeviceName& name, const std::vector<DeviceSetting>& settings) {
  std::set<std::string> unknown;
  while (true) {
    std::vector<const DeviceSetting*> used;
    for (const DeviceSetting& setting : settings) {
      const bool for_it = setting.device.empty() || setting.device == name.name;
      if (for_it && !unknown.contains(setting.change.where)) used.push_back(&setting);
    }
    try {
      return {build(registry, name, used), unknown};
    } catch (const config::UnknownKey& error) {
      bool for_all = false;
      for (const DeviceSetting* setting : used) {
        for_all = for_all || (setting->device.empty() && setting->change.where == error.where);
      }
      if (!for_all) throw;
      unknown.insert(error.where);
    }
  }
}

/// The error of a setting that no device has.
void reject_unknown(const device::Registry& registry, const std::vector<DeviceName>& devices,
                    const std::vector<DeviceSetting>& settings, const std::vector<Built>& built) {
  for (const DeviceSetting& setting : settings) {
    if (!setting.device.empty()) continue;
    bool known = false;
    for (const Built& one : built) known = known || !one.unknown.contains(setting.change.where);
    if (known) continue;
    build(registry, devices.front(), {&setting});  // throws what it threw before
  }
}

}  // namespace

DeviceName name_device(const device::Registry& registry, const std::string& name, const fs::path& base) {
  const fs::path file = config::resolve(name, base, architecture_names(registry));
  return {file.stem().string(), file, {}};
}

std::vector<Machine> make_machines(const device::Registry& registry, const std::vector<DeviceName>& devices,
                                   const std::vector<DeviceSetting>& settings) {
  std::vector<Built> built;
  for (const DeviceName& device : devices) built.push_back(build_with(registry, device, settings));
  reject_unknown(registry, devices, settings, built);
  std::vector<Machine> machines;
  for (Built& one : built) machines.push_back(std::move(one.machine));
  return machines;
}

}  // namespace triad::experiment
