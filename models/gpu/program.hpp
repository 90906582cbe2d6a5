#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/gpu/sm/code.hpp"
#include "models/kit/memory_map.hpp"
#include "sim/device/device.hpp"
#include "sim/graph/graph.hpp"

namespace triad::gpu {

/// A parameter of a kernel: an address, which may change from step to step, or 32 bits by value.
struct Argument {
  kit::StepAddress value;
  static Argument address(kit::StepAddress at) { return {at}; }
  static Argument word(std::uint32_t bits) { return {{bits, 0, 1}}; }
};

/// One kernel launch of a training step.
struct PlannedLaunch {
  int op = -1;           ///< of the graph
  std::size_t code = 0;  ///< in GpuProgram::codes
  Dimensions grid, block;
  std::vector<Argument> arguments;
  bool contraction = false;
  bool control = false;   ///< later launches take addresses or branches from what it stores: stored without values too
  std::int64_t macs = 0;  ///< FFMAs of lanes that the kernel's main loop executes, padding included; contractions only
};

/// A graph as kernel launches, executed in order, once per step.
struct GpuProgram : device::Program {
  graph::Graph graph;  ///< as executed: the job's, after fusion
  kit::MemoryMap map;
  std::vector<Code> codes;
  std::vector<PlannedLaunch> launches;
  std::uint64_t scratch = 0;       ///< address of memory that kernels of one op hand to one another
  std::uint64_t memory_bytes = 0;  ///< tensors and scratch memory
  bool fits_memory = true;
  bool values = true;  ///< without them only stores of PlannedLaunch::control leave data behind
  /// Class numbers and indices that stand in for data where the job has no values: element i of every batch is i modulo
  /// `rows`.
  struct Indices {
    kit::StepAddress address;
    std::int64_t count, rows;
  };
  std::vector<Indices> indices;

  GpuProgram(graph::Graph graph_, const device::Job& job) : graph(std::move(graph_)), map(job, graph) {}
  std::string disassembly() const override;
};

}  // namespace triad::gpu
