#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/asic/asic.hpp"
#include "models/asic/compiler/program.hpp"
#include "models/asic/parameters.hpp"
#include "sim/config/node.hpp"
#include "sim/device/device.hpp"
#include "sim/experiment/children.hpp"
#include "sim/workload/workload.hpp"

/// What the tests of the ASIC share.
namespace triad::asic::test {

using Settings = std::vector<std::string>;  ///< "mxu.rows=8"

inline std::unique_ptr<device::Device> make(const std::string& preset, const Settings& settings = {}) {
  const config::Node node = config::load(config::presets() / "asic" / (preset + ".yaml"), settings);
  auto made = architecture().make(node);
  node.reject_unread();
  return made;
}

inline device::Job load(const std::string& workload, const Settings& settings = {}) {
  return workload::load(config::presets() / "workloads" / (workload + ".yaml"), settings);
}

/// A run in a process of its own: SystemC allows one elaboration per process.
inline experiment::Task task(const device::Device& device, const device::Program& program, const device::Job& job,
                             const device::RunOptions& options = {.check = true}) {
  return {job.name, [&, options] { return device.run(program, job, options); }};
}
inline device::RunResult run(const device::Device& device, const device::Program& program, const device::Job& job,
                             const device::RunOptions& options = {.check = true}) {
  return experiment::run_in_children({task(device, program, job, options)}, false).at(0);
}
inline device::RunResult run(const device::Device& device, const device::Job& job,
                             const device::RunOptions& options = {.check = true}) {
  return run(device, *device.lower(job), job, options);
}

}  // namespace triad::asic::test
