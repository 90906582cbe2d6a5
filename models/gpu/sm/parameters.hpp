#pragma once
#include <cstdint>

#include "sim/config/node.hpp"

namespace triad::gpu {

inline constexpr int max_warp_slots = 64;    ///< of a streaming multiprocessor (64 on V100, A100 and H100)
inline constexpr int max_memory_queue = 64;  ///< memory instructions that wait in a sub-core

/// Which of the warps that can issue does. Both take the warp that issued last, if it can and did not yield; otherwise
/// cggty takes the youngest (Huerta et al. 2025: what current NVIDIA cores do), gto the oldest.
enum class Scheduler { cggty, gto };

/// Parameters of a streaming multiprocessor, the keys under `sm:`. Latencies of fixed-latency instructions are not
/// among them: they belong to the instruction set (isa/opcodes.hpp), because the compiler keeps them.
struct SmParameters {
  int sub_cores = 4;            ///< warp slot w belongs to sub-core w mod sub_cores
  int warps = 64;               ///< warp slots, all sub-cores
  int blocks = 32;              ///< resident blocks
  int registers = 65536;        ///< of 32 bits
  int register_allocation = 8;  ///< registers per thread are rounded up to a multiple of this
  int register_banks = 2;       ///< per sub-core; register r is in bank r mod banks, two operands a bank and issue
  Scheduler scheduler = Scheduler::cggty;
  int fp32_lanes = 16, integer_lanes = 16, sfu_lanes = 4;  ///< per sub-core
  int sfu_latency_cycles = 23;
  int barrier_latency_cycles = 1;  ///< from the last arrival at a block barrier to the first issue beyond it
  int queue = 4;                   ///< memory instructions a sub-core issues ahead of the load-store unit
  int bytes_per_cycle = 128;       ///< that the load-store unit moves
  std::uint64_t shared_bytes = 0;  ///< shared memory
  int shared_banks = 32;           ///< of 4 bytes
  int shared_latency_cycles = 23;  ///< without conflict, from issue to the first reader
  int global_latency_cycles = 33;  ///< in the SM, on top of the memory's: half on the way there, the rest back

  static SmParameters read(const config::Node& node);
};

}  // namespace triad::gpu
