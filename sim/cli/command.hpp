#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/device/device.hpp"
#include "sim/experiment/experiment.hpp"

/// What the subcommands share.
namespace triad::cli {

/// What a subcommand does once the whole command line is known to be right.
using Action = std::function<void()>;

/// One function per subcommand, each in a file of its name: declares it on `app`; its action lands in `action` when it
/// is the one that was typed.
void add_run(CLI::App& app, const device::Registry& registry, Action& action);
void add_compare(CLI::App& app, const device::Registry& registry, Action& action);
void add_list(CLI::App& app, const device::Registry& registry, Action& action);
void add_graph(CLI::App& app, const device::Registry& registry, Action& action);
void add_support(CLI::App& app, const device::Registry& registry, Action& action);
void add_describe(CLI::App& app, const device::Registry& registry, Action& action);
void add_memory(CLI::App& app, const device::Registry& registry, Action& action);

/// Options of everything that simulates.
struct RunFlags {
  std::vector<std::string> set;
  std::string out;
  std::string format = "table";
  bool check = false, verbose = false;
  std::uint64_t max_cycles = 0;

  void add_to(CLI::App& command);
  experiment::Options options() const;
};

/// Writes results to --out and prints them in --format; `table` makes the text for people.
void deliver(const RunFlags& flags, const report::Report& report,
             const std::function<std::string(const report::TableOptions&)>& table);

/// A memory without a machine: a preset of configs/memory or a file, with its settings, read and checked.
struct NamedMemory {
  std::string name;  ///< in reports: "ddr4-3200"
  config::Node configuration;
  std::string digest;
  std::unique_ptr<device::Memory> memory;
};
/// Is it a preset of memory, a file that extends one, or one that says how a memory is organized?
bool is_memory(const std::filesystem::path& file);
/// `set`: "memory.KEY=VALUE". Throws config::Error, also when the file is no memory.
NamedMemory make_memory(const device::Registry& registry, const std::filesystem::path& file,
                        const std::vector<std::string>& set);

/// Writes a result to standard output; device::Fault when it does not arrive there (a full disk).
void print(const std::string& text);
/// Columns of the terminal on standard output. Where it is none (a file, a pipe) the environment's COLUMNS, when that
/// is a whole number of at least 40; else 80.
int terminal_width();

}  // namespace triad::cli
