#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/device/device.hpp"
#include "sim/experiment/settings.hpp"

namespace triad::experiment {

/// A configured device: a preset or file with its overrides, read and checked.
struct Machine {
  std::string name;  ///< in reports: "tpu-v3"
  std::filesystem::path file;
  const device::Architecture* architecture = nullptr;
  std::string config_digest;
  std::optional<config::Node> configuration;  ///< resolved: what the file extends and every setting merged in
  std::unique_ptr<device::Device> device;
};

/// A device as a command line or an experiment names it.
struct DeviceName {
  std::string name;            ///< in reports; the file's name when nothing else is given
  std::filesystem::path file;  ///< its configuration
  std::vector<std::pair<std::string, config::Node>> changes;  ///< `set:` of an experiment
};

/// The configuration file of "tpu/tpu-v3", "tpu-v3" or "my.yaml". Throws config::Error with the nearest name.
DeviceName name_device(const device::Registry& registry, const std::string& name, const std::filesystem::path& base);

/// Builds every device with the settings that are for it. A setting for "device." is left out where a device does not
/// have its path, and is an error where none has.
std::vector<Machine> make_machines(const device::Registry& registry, const std::vector<DeviceName>& devices,
                                   const std::vector<DeviceSetting>& settings);

}  // namespace triad::experiment
