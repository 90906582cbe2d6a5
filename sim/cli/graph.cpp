#include <filesystem>

#include "sim/cli/command.hpp"
#include "sim/graph/passes.hpp"
#include "sim/report/graph_report.hpp"
#include "sim/workload/workload.hpp"

namespace triad::cli {

namespace {

struct Arguments {
  std::string workload, phase, format = "table";
  bool dot = false, fused = false;
  std::vector<std::string> set;
};

/// The graph of a step; no data is read or made for it.
device::Job load(const Arguments& arguments) {
  const auto file = config::resolve(arguments.workload, std::filesystem::current_path(), {"workloads"});
  experiment::Settings settings = experiment::read_settings(arguments.set, {});
  if (!settings.devices.empty()) {
    throw config::Error(settings.devices.front().change.where + ": a graph is the same for every device");
  }
  settings.workload.push_back("values=off");
  return workload::load(file, settings.workload);
}

void show(const Arguments& arguments) {
  const device::Job job = load(arguments);
  graph::Graph graph = job.graph;
  if (arguments.fused) {
    graph::Fusion fusion;
    fusion.epilogues = true;
    graph = graph::fuse(graph::without_dead_ops(graph), fusion);
  }
  report::GraphView view{job.name, graph};
  for (const auto phase : {graph::Phase::forward, graph::Phase::backward, graph::Phase::update}) {
    if (arguments.phase == graph::to_string(phase)) view.phase = phase;
  }
  if (arguments.dot) {
    print(report::graph_dot(view));
  } else if (arguments.format == "json") {
    print(report::graph_json(view));
  } else {
    print(report::graph_table(view, terminal_width()));
  }
}

}  // namespace

void add_graph(CLI::App& app, const device::Registry&, Action& action) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("graph", "Show a workload's ops: shapes, work, bytes");
  command->add_option("WORKLOAD", arguments->workload, "A preset or a .yaml file")->required();
  command->add_option("--phase", arguments->phase, "One phase: forward, backward or update")
      ->type_name("PHASE")
      ->check(CLI::IsMember({"forward", "backward", "update"}));
  command->add_flag("--fused", arguments->fused, "As a device runs it: chains of ops as one");
  CLI::Option* dot = command->add_flag("--dot", arguments->dot, "A drawing, for Graphviz");
  command->add_option("--format", arguments->format, "Print as table or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"table", "json"}))
      ->excludes(dot);
  command->add_option("--set", arguments->set, "Change a parameter, e.g. workload.precision=bf16")
      ->type_name("PATH=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n"
      "  triad graph mlp                             every op of a training step\n"
      "  triad graph mlp --phase forward --fused     the forward ops as a device fuses them\n"
      "  triad graph mlp --dot | dot -Tsvg > mlp.svg   a drawing\n"
      "  COLUMNS=160 triad graph mlp > mlp.txt       a file with the shapes; 80 columns otherwise\n\n"
      "Bytes are what an op reads and writes when every operand is moved once; FLOP/B is the\n"
      "arithmetic intensity, the left side of a roofline.");
  command->callback([=, &action] { action = [=] { show(*arguments); }; });
}

}  // namespace triad::cli
