#include <fmt/format.h>

#include "sim/cli/command.hpp"
#include "sim/report/text.hpp"

namespace triad::cli {

namespace {

/// Every value below a node with its path as --set takes it: "device.mxu.rows = 128".
void add_parameters(const config::Node& node, const std::string& scope, std::size_t width, std::string& text) {
  if (node.is_map()) {
    for (const std::string& key : node.keys())
      if (!node.path().empty() || key != "summary") add_parameters(node.at(key), scope, width, text);
  } else if (node.is_list()) {
    for (const config::Node& item : node.items()) add_parameters(item, scope, width, text);
  } else {
    text += report::wrapped(fmt::format("{}.{} = {}", scope, node.path(), node.text()), width, 4);
  }
}

std::string description(const std::string& name, const report::Table& table, const config::Node& configuration,
                        const std::string& scope) {
  const auto width = static_cast<std::size_t>(terminal_width());
  std::string parameters;
  add_parameters(configuration, scope, width, parameters);
  return fmt::format("{}\n\n{}\nParameters, as --set changes them\n\n{}", name, table.text(width), parameters);
}

report::Table two_columns() {
  return report::Table({{"", false, 0}, {"", false, 0, true}});
}

std::string description(const experiment::Machine& machine) {
  using numerics::Format;
  report::Table table = two_columns();
  table.add({"architecture", fmt::format("{}: {}", machine.architecture->name, machine.architecture->summary)});
  for (const Format format : {Format::fp32, Format::tf32, Format::bf16, Format::fp16, Format::int8}) {
    if (const double peak = machine.device->peak_flops(format); peak > 0) {
      table.add({"peak, " + numerics::to_string(format), report::si(peak, "FLOPS")});
    }
  }
  for (const auto& [what, value] : machine.device->describe()) table.add({what, value});
  table.add({"configuration", machine.config_digest});
  return description(machine.name, table, *machine.configuration, "device");
}

std::string description(const NamedMemory& memory) {
  report::Table table = two_columns();
  for (const auto& [what, value] : memory.memory->describe()) table.add({what, value});
  table.add({"configuration", memory.digest});
  return description(memory.name, table, memory.configuration, "memory");
}

}  // namespace

void add_describe(CLI::App& app, const device::Registry& registry, Action& action) {
  struct Arguments {
    std::string device;
    std::vector<std::string> set;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("describe", "Show a device's or memory's parameters and peak rates");
  command->add_option("DEVICE", arguments->device, "A preset (or memory/...) or a .yaml file")->required();
  command->add_option("--set", arguments->set, "Change a parameter, e.g. device.mxu.rows=64")
      ->type_name("PATH=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n"
      "  triad describe tpu/tpu-v3\n"
      "  triad describe my-tpu.yaml --set device.mxu.rows=64\n"
      "  triad describe memory/hbm2");
  command->callback([=, &registry, &action] {
    action = [=, &registry] {
      std::vector<std::string> folders;
      for (const auto& architecture : registry.all()) folders.push_back(architecture.name);
      folders.emplace_back("memory");
      const auto file = config::resolve(arguments->device, std::filesystem::current_path(), folders);
      if (is_memory(file)) return print(description(make_memory(registry, file, arguments->set)));
      const auto device = experiment::name_device(registry, arguments->device, std::filesystem::current_path());
      const auto settings = experiment::read_settings(arguments->set, {device.name});
      if (!settings.workload.empty()) {
        throw config::Error(fmt::format("--set workload.{}: there is no workload here", settings.workload.front()));
      }
      print(description(experiment::make_machines(registry, {device}, settings.devices).front()));
    };
  });
}

}  // namespace triad::cli
