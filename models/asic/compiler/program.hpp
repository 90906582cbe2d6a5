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
  explicit Program(const device::Job& job) : map(job) {}
  std::string disassembly() const override;

  kit::MemoryMap map;
  std::vector<isa::Descriptor> stream;
  std::array<std::int64_t, isa::engine_count> layers{};  ///< of each engine in a step
  std::uint64_t stream_base = 0;                         ///< address of the encoded stream
  std::uint64_t bytes = 0;                               ///< of device memory, stream included
};

}  // namespace triad::asic
