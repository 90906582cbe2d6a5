#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/gpu/sm/code.hpp"
#include "models/kit/memory_map.hpp"
#include "sim/device/device.hpp"

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
  std::int64_t macs = 0;  ///< FFMAs of lanes that the kernel's main loop executes, padding included; contractions only
};

/// A graph as kernel launches, executed in order, once per step.
struct GpuProgram : device::Program {
  std::vector<Code> codes;
  std::vector<PlannedLaunch> launches;
  kit::MemoryMap map;

  explicit GpuProgram(kit::MemoryMap map_) : map(std::move(map_)) {}
  std::string disassembly() const override;
};

}  // namespace triad::gpu
