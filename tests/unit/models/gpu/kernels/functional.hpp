#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "../../single_op.hpp"
#include "interpreter.hpp"
#include "models/gpu/lowering.hpp"
#include "sim/config/node.hpp"
#include "sim/reference/reference.hpp"

/// Executes a lowered job's launches on the interpreter, without timing, and holds every result to the host reference.
namespace triad::gpu::test {

using triad::test::SingleOp;
using triad::test::Values;

inline Parameters parameters_of(const std::string& preset) {
  return Parameters::read(config::load(config::presets() / "gpu" / (preset + ".yaml")));
}

/// The values of the tensors after one step.
inline std::vector<device::HostTensor> execute(const GpuProgram& program, const device::Job& job,
                                               const std::vector<graph::TensorId>& wanted) {
  Memory memory;
  memory.allocate(program.memory_bytes);
  const auto place = [&](graph::TensorId id, const device::HostTensor& tensor) {
    std::memcpy(&memory.bytes[program.map.address(id).at(0)], tensor.bytes.data(), tensor.bytes.size());
  };
  for (const auto& [id, tensor] : job.initial) place(id, tensor);
  for (const auto& [id, batches] : job.batches) place(id, batches.at(0));
  for (const PlannedLaunch& launch : program.launches) {
    const Kernel& kernel = program.codes[launch.code].kernel();
    std::vector<std::uint64_t> arguments;
    for (std::size_t i = 0; i < launch.arguments.size(); ++i) {
      const bool address = kernel.parameters.at(i).size_bytes == 8;
      arguments.push_back(launch.arguments[i].value.at(0) + (address ? Memory::base : 0));
    }
    run(kernel, launch.grid, launch.block, arguments, memory);
  }
  std::vector<device::HostTensor> values;
  for (const graph::TensorId id : wanted) {
    values.push_back(device::HostTensor::zeros(job.graph.tensor(id).shape, job.graph.tensor(id).format));
    std::memcpy(values.back().bytes.data(), &memory.bytes[program.map.address(id).at(0)], values.back().bytes.size());
  }
  return values;
}

/// Lowers and executes the job; every result (a tensor that no op reads) is the reference's within `tolerance` of the
/// larger of its magnitude and `scale`, or a step of subnormals. NaN equals NaN.
inline void expect_reference(const device::Job& job, const Parameters& parameters, double tolerance,
                             double scale = 1e-3) {
  const std::unique_ptr<GpuProgram> program = lower(parameters, job);
  const std::vector<graph::TensorId> wanted = job.graph.results();
  ASSERT_FALSE(wanted.empty());
  const std::vector<device::HostTensor> got = execute(*program, job, wanted);
  const std::vector<device::HostTensor> expected = reference::evaluate(job, wanted);
  for (std::size_t t = 0; t < wanted.size(); ++t) {
    const std::vector<float> a = got[t].floats(), b = expected[t].floats();
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (std::isnan(a[i]) && std::isnan(b[i])) continue;
      if (a[i] == b[i]) continue;
      ASSERT_LE(std::abs(double{a[i]} - b[i]), std::max(tolerance * std::max<double>(std::abs(b[i]), scale), 0x1p-149))
          << job.graph.tensor(wanted[t]).name << graph::to_string(job.graph.tensor(wanted[t]).shape) << " element " << i
          << ": " << a[i] << " instead of " << b[i] << ", kernel "
          << program->codes[program->launches.back().code].kernel().name;
    }
  }
}

}  // namespace triad::gpu::test
