#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sim/device/device.hpp"
#include "sim/experiment/machine.hpp"
#include "sim/report/report.hpp"

/// Runs one workload on one or several devices. Names are those of design section 9: a name that ends in .yaml is a
/// file, any other a preset. Throws config::Error and device::Unsupported (the input is at fault) before a cycle is
/// simulated, device::Fault when a run finds a fault.
namespace triad::experiment {

struct Options {
  std::vector<std::string> set;  ///< "device.mxu.rows=128", "workload.steps=5", "NAME.clock=1 GHz"
  bool check = false;            ///< against the host reference, and hazards
  std::uint64_t max_cycles = 0;  ///< 0: no bound
  bool progress = false;         ///< say on standard error what runs, after a second
};

/// One device, one workload.
report::Report run(const device::Registry& registry, const std::string& device, const std::string& workload,
                   const Options& options);

/// A run with its input read, checked and lowered: for who elaborates the machine in a simulation of his own
/// (models/platform).
struct Ready {
  Machine machine;
  device::Job job;
  std::unique_ptr<device::Program> program;
};
/// `set`: "device.mxu.rows=128", "workload.steps=5".
Ready prepare(const device::Registry& registry, const std::string& device, const std::string& workload,
              const std::vector<std::string>& set = {});

/// The workload on the host: losses and weights, no cycles.
report::Report run_reference(const std::string& workload, const Options& options);

/// An experiment: its devices and its workload.
///
///     summary: what it shows                                         # optional, for `triad list`
///     devices: [tpu/tpu-v3, {preset: gpu/a100, name: mine, set: {clock: 1 GHz}}]
///     workload: workloads/linear
struct Plan {
  std::vector<DeviceName> devices;
  std::filesystem::path workload;
};
Plan read_plan(const device::Registry& registry, const std::string& experiment);
report::Report compare(const device::Registry& registry, const std::string& experiment, const Options& options);

}  // namespace triad::experiment
