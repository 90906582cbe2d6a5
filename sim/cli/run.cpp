#include "sim/cli/command.hpp"

namespace triad::cli {

void add_run(CLI::App& app, const device::Registry& registry, Action& action) {
  struct Arguments {
    std::string device, workload;
    RunFlags flags;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("run", "Run a workload on one device");
  command->add_option("DEVICE", arguments->device, "A preset, a .yaml file, or reference (the host)")->required();
  command->add_option("WORKLOAD", arguments->workload, "A preset or a .yaml file")->required();
  arguments->flags.add_to(*command);
  command->footer(
      "Examples:\n"
      "  triad run tpu/tpu-v3 linear                 train a linear layer on a TPU v3\n"
      "  triad run my-tpu.yaml my-net.yaml --check   your own files, held to the host\n"
      "  triad run tpu/tpu-v3 mlp --set device.mxu.rows=64 --set workload.steps=5\n"
      "  triad run tpu/tpu-v3 mlp --out results      result.json and weights.npz\n"
      "  triad run reference linear                  the host's answer: losses, no cycles\n\n"
      "triad list shows the presets; triad describe DEVICE shows what --set can change.");
  command->callback([=, &registry, &action] {
    action = [=, &registry] {
      const RunFlags& flags = arguments->flags;
      const report::Report report =
          arguments->device == "reference"
              ? experiment::run_reference(arguments->workload, flags.options())
              : experiment::run(registry, arguments->device, arguments->workload, flags.options());
      deliver(flags, report, [&](const report::TableOptions& options) {
        return report::run_table(report.workload, report.runs.front(), options);
      });
    };
  });
}

}  // namespace triad::cli
