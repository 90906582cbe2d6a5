#include "sim/experiment/support.hpp"

#include <algorithm>
#include <filesystem>

#include "sim/cli/command.hpp"

namespace triad::cli {

namespace {

struct Arguments {
  std::vector<std::string> devices;
  std::string format = "table";
  std::vector<std::string> set;
};

/// One device of every architecture: its first preset that is not the tiny one of the tests.
std::vector<std::string> one_of_each(const device::Registry& registry) {
  std::vector<std::string> names;
  for (const device::Architecture& architecture : registry.all()) {
    const std::vector<std::string> presets = config::preset_names(architecture.name);
    const auto large = std::ranges::find_if(presets, [](const std::string& name) { return !name.ends_with("/tiny"); });
    if (!presets.empty()) names.push_back(large == presets.end() ? presets.front() : *large);
  }
  return names;
}

void show(const Arguments& arguments, const device::Registry& registry) {
  std::vector<experiment::DeviceName> devices;
  std::vector<std::string> names;
  for (const std::string& name : arguments.devices.empty() ? one_of_each(registry) : arguments.devices) {
    devices.push_back(experiment::name_device(registry, name, std::filesystem::current_path()));
    if (std::ranges::find(names, devices.back().name) != names.end()) {
      throw config::Error(name + ": a second device of this name");
    }
    names.push_back(devices.back().name);
  }
  const experiment::Settings settings = experiment::read_settings(arguments.set, names);
  if (!settings.workload.empty()) {
    throw config::Error("--set workload." + settings.workload.front() + ": there is no workload here");
  }
  const auto answers = experiment::support(experiment::make_machines(registry, devices, settings.devices));
  if (arguments.format == "json") {
    print(report::support_json(answers));
  } else if (arguments.format == "csv") {
    print(report::support_csv(answers));
  } else {
    print(report::support_table(answers, terminal_width()));
  }
}

}  // namespace

void add_support(CLI::App& app, const device::Registry& registry, Action& action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("support", "Show which device runs which op");
  command->add_option("DEVICE", arguments->devices, "Presets or .yaml files (default: one of each architecture)");
  command->add_option("--format", arguments->format, "Print as table, json or csv")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json", "csv"}));
  command->add_option("--set", arguments->set, "Change a parameter, e.g. device.mxu.rows=64")
      ->type_name("PATH=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command->footer(
      "Each device's own compiler is asked about a small example of every op, so the table\n"
      "cannot be out of date. Networks are made of these ops: an LSTM, an attention layer or\n"
      "an optimizer runs wherever its ops do.\n"
      "phase: where the op was asked about, forward (fwd), backward (bwd) or update; backward\n"
      "also stands for the ops of its gradient, where it has any of its own.\n\n"
      "Examples:\n"
      "  triad support                   one device of each architecture\n"
      "  triad support tpu/tpu-v3        one device\n"
      "  triad support --format csv      for a spreadsheet");
  command->callback([=, &registry, &action] { action = [=, &registry] { show(*arguments, registry); }; });
}

}  // namespace triad::cli
