#pragma once
#include <array>
#include <string>
#include <vector>

#include "models/asic/isa/descriptor.hpp"
#include "models/kit/memory_map.hpp"
#include "sim/device/device.hpp"

namespace triad::asic {

/// One training step as a command stream, which the command processor runs once per step.
class Program : public device::Program {
 public:
  Program(const device::Job& job, graph::Graph lowered) : graph(std::move(lowered)), map(job, graph) {}
  std::string disassembly() const override;

  graph::Graph graph;  ///< as the machine executes it, after fusion
  kit::MemoryMap map;
  std::vector<isa::Descriptor> stream;
  std::array<std::int64_t, isa::engine_count> layers{};  ///< of each engine in a step
  std::uint64_t stream_base = 0;                         ///< address of the encoded stream
  std::uint64_t bytes = 0;                               ///< of device memory, stream included
  bool fits_memory = true;
};

}  // namespace triad::asic
