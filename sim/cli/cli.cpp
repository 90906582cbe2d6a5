#include "sim/cli/cli.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "sim/cli/command.hpp"

namespace triad::cli {

namespace {

constexpr int status_fault = 1, status_input = 2;

int fail(int status, const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  return status;
}

void declare(CLI::App& app, const device::Registry& registry, Action& action) {
  app.set_version_flag("--version", std::string("triad ") + TRIAD_VERSION);
  app.require_subcommand(1);
  app.fallthrough(false);
  app.get_formatter()->column_width(26);
  add_compare(app, registry, action);
  add_run(app, registry, action);
  add_list(app, registry, action);
  add_describe(app, registry, action);
  add_graph(app, registry, action);
  add_support(app, registry, action);
  add_memory(app, registry, action);
  for (CLI::App* command : app.get_subcommands({})) {
    command->get_formatter()->column_width(26);
    command->set_help_flag("-h,--help", "Show this help");
  }
  app.set_help_flag("-h,--help", "Show this help");
  app.footer(
      "Examples:\n"
      "  triad compare                      one workload on a GPU, a TPU and an ASIC\n"
      "  triad list                         what there is to run\n"
      "  triad run tpu/tpu-v3 mlp           one device: cycles, energy, what limits it\n"
      "  triad describe tpu/tpu-v3          its parameters and peak rates\n"
      "  triad graph mlp                    a network's ops: shapes, work, bytes\n"
      "  triad support                      which device runs which op\n"
      "  triad memory ddr4-3200             a memory alone: bandwidth, latency, energy\n"
      "  triad run my-tpu.yaml my-net.yaml  your own machine, your own network\n\n"
      "Each command has its --help. Exit status: 0 done; 1 the run found a fault\n"
      "(deadlock, hazard, mismatch); 2 the input is at fault.");
}

/// The command that was typed, when there is none of that name.
std::string unknown_command(const CLI::App& app, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-') return {};
  const std::string typed = argv[1];
  std::vector<std::string> commands;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == typed) return {};
    commands.push_back(command->get_name());
  }
  const std::string near = config::nearest(typed, commands);
  return fmt::format(
      "triad: there is no command '{}'; {}", typed,
      near.empty() ? fmt::format("there are {}", fmt::join(commands, ", ")) : "did you mean " + near + "?");
}

/// "triad run", the command that a wrong argument was given to.
std::string typed_command(const CLI::App& app) {
  for (const CLI::App* command : app.get_subcommands()) return "triad " + command->get_name();
  return "triad";
}

}  // namespace

int run(int argc, const char* const* argv, const device::Registry& registry) {
  CLI::App app("Triad: one training workload on three architectures, cycle by cycle", "triad");
  Action action;
  declare(app, registry, action);
  if (argc < 2) return fail(status_input, app.help());
  if (const std::string unknown = unknown_command(app, argc, argv); !unknown.empty())
    return fail(status_input, unknown);
  try {
    app.parse(argc, argv);
    action();
    return 0;
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    const std::string command = typed_command(app);
    return fail(status_input, fmt::format("{}: {} (see {} --help)", command, error.what(), command));
  } catch (const config::Error& error) {
    return fail(status_input, error.what());
  } catch (const device::Unsupported& error) {
    return fail(status_input, error.what());
  } catch (const device::Fault& error) {
    return fail(status_fault, error.what());
  } catch (const std::exception& error) {
    return fail(status_fault, std::string("triad failed: ") + error.what());
  }
}

}  // namespace triad::cli
