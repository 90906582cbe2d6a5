#pragma once
#include <memory>
#include <string>
#include <vector>

#include "models/gpu/gpu.hpp"
#include "models/gpu/parameters.hpp"
#include "models/gpu/program.hpp"
#include "sim/config/node.hpp"
#include "sim/device/device.hpp"
#include "sim/experiment/children.hpp"
#include "sim/workload/workload.hpp"

/// What the tests of the whole device share.
namespace triad::gpu::test {

using Settings = std::vector<std::string>;  ///< "sm.warps=8"

inline config::Node node(const std::string& preset, const Settings& settings = {}) {
  return config::load(config::presets() / "gpu" / (preset + ".yaml"), settings);
}
inline std::unique_ptr<device::Device> make(const std::string& preset, const Settings& settings = {}) {
  const config::Node configuration = node(preset, settings);
  auto made = architecture().make(configuration);
  configuration.reject_unread();
  return made;
}

inline device::Job load(const std::string& name, const Settings& settings = {}) {
  return workload::load(config::presets() / "workloads" / (name + ".yaml"), settings);
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

/// A copy of a program of this device, to be altered: Code is made anew from changed kernels.
inline std::unique_ptr<GpuProgram> copy(const device::Program& program) {
  return std::make_unique<GpuProgram>(dynamic_cast<const GpuProgram&>(program));
}

}  // namespace triad::gpu::test
