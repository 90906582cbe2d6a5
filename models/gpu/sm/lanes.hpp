#pragma once
#include "models/gpu/isa/semantics.hpp"

namespace triad::gpu {

/// Operands of one warp instruction, where they lie in the register file.
struct LaneOperands {
  const LaneWords* a;
  const LaneWords* b;
  const LaneWords* c;
  const LaneWords* c_high;
  std::uint32_t p, q;
};

/// Where its results go; null when the instruction has none.
struct LaneTargets {
  LaneWords* d;
  LaneWords* d_high;
  std::uint32_t* pd;
};

/// Executes an arithmetic instruction on the given lanes: the results of `execute` (isa/semantics.hpp), by the host's
/// vector instructions where it has them (chosen at run time). A target may be an operand.
void execute_lanes(const Instruction& instruction, const LaneOperands& operands, std::uint32_t lanes,
                   const LaneTargets& targets);

}  // namespace triad::gpu
