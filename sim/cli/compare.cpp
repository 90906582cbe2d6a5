#include "sim/cli/command.hpp"

namespace triad::cli {

void add_compare(CLI::App& app, const device::Registry& registry, Action& action) {
  struct Arguments {
    std::string experiment = "experiments/linear";
    RunFlags flags;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("compare", "Run an experiment: one workload, several devices");
  command->add_option("EXPERIMENT", arguments->experiment, "A preset or a .yaml file (default: linear)");
  arguments->flags.add_to(*command);
  command->footer(
      "Examples:\n"
      "  triad compare                               the linear layer on GPU, TPU and ASIC\n"
      "  triad compare mlp --check                   held to the host's losses\n"
      "  triad compare mlp --set workload.steps=5    fewer steps, on every device\n"
      "  triad compare mlp --set device.clock=\"1 GHz\"   every device that has a clock\n"
      "  triad compare mlp --set tpu-v3.mxu.rows=64  one of them, by its name\n"
      "  triad compare my-experiment.yaml --format json\n\n"
      "An experiment is a YAML file:\n"
      "  devices: [tpu/tpu-v3, {preset: tpu/tpu-v3, name: half, set: {mxu.rows: 64}}]\n"
      "  workload: workloads/linear");
  command->callback([=, &registry, &action] {
    action = [=, &registry] {
      const RunFlags& flags = arguments->flags;
      const report::Report report = experiment::compare(registry, arguments->experiment, flags.options());
      deliver(flags, report, [&](const report::TableOptions& options) {
        std::string text = report::compare_table(report, options);
        if (!options.verbose) return text;
        for (const auto& run : report.runs) text += "\n" + report::run_table(report.workload, run, options);
        return text;
      });
    };
  });
}

}  // namespace triad::cli
