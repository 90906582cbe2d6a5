#pragma once
#include <optional>

#include "models/gpu/l2/parameters.hpp"
#include "models/gpu/sm/parameters.hpp"
#include "models/memory/memory.hpp"

namespace triad::gpu {

using activity::Cycle;

/// Parameters of a GPU: the keys of configs/gpu/*.yaml. Every one but l2 is required.
struct Parameters {
  std::uint64_t clock_hz = 0;
  int sms = 0;
  double launch_latency = 0;     ///< seconds between the end of a kernel and the first block of the next
  int dispatch_cycles = 1;       ///< cycles between two blocks that the block scheduler hands out
  int block_latency_cycles = 1;  ///< from the end of a block to the start of another in its place
  double static_watts = 0;       ///< power that the idle board draws
  SmParameters sm;
  std::optional<L2Parameters> l2;  ///< absent: the SMs reach memory directly
  memory::Parameters memory;
  std::string technology;

  /// Cycles that an SM may run ahead of the chip: nothing that it sends arrives, and nothing that it waits for can be
  /// decided, in less.
  Cycle horizon() const;

  /// Reads and checks a configuration; throws config::Error. Leaves no key unread.
  static Parameters read(const config::Node& node);
};

}  // namespace triad::gpu
