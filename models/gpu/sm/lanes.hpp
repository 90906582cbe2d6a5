#pragma once
#include <bit>

#include "models/gpu/isa/semantics.hpp"

namespace triad::gpu {

/// Number of lanes in a mask; nearly always all.
inline std::uint64_t lane_count(std::uint32_t lanes) {
  return lanes == ~0u ? warp_size : static_cast<std::uint64_t>(std::popcount(lanes));
}

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

/// Word addresses (address / 4) of a 4-byte access to a shared memory of `limit` bytes at base + offset. Lanes that do
/// not take part get the address of the first that does. False when one is not aligned or beyond the limit; `lanes` is
/// not 0.
bool shared_words(const LaneWords& base, std::uint32_t offset, std::uint32_t lanes, std::uint32_t limit,
                  LaneWords& words);

/// Byte addresses of an access of `bytes` per lane (a power of two) to a memory of `limit` bytes, at (high, low) +
/// offset. False when a lane that takes part is not aligned or beyond the limit.
bool wide_addresses(const LaneWords& low, const LaneWords& high, std::int64_t offset, std::uint32_t lanes,
                    std::uint64_t bytes, std::uint64_t limit, std::array<std::uint64_t, warp_size>& at);

/// Are the words at the same distances from one another as those of `pattern`?
bool same_distances(const LaneWords& words, const LaneWords& pattern);

/// target = memory[words] on the given lanes; every word is within the memory.
void gather_words(const std::uint32_t* memory, const LaneWords& words, std::uint32_t lanes, LaneWords& target);

}  // namespace triad::gpu
