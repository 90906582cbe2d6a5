#pragma once
#include <string>
#include <vector>

#include "models/gpu/sm/code.hpp"
#include "models/gpu/sm/lanes.hpp"
#include "sim/activity/recorder.hpp"

namespace triad::gpu {

/// One execution of a kernel, the same for all SMs.
struct KernelRun {
  KernelRun(const Code& code, Launch launch, activity::Tag tag);
  const Code* code;
  Launch launch;
  activity::Tag tag;
  int warps_per_block;
  bool control = false;             ///< what it stores steers later kernels: an SM without values stores it too
  std::vector<LaneWords> b_values;  ///< by instruction: operand b, where it is no register
  /// By instruction: what the last access to shared memory cost. An access at the same distances costs the same: a
  /// shift by whole words turns all banks alike.
  struct BankCost {
    LaneWords words{};
    std::uint32_t lanes = 0;
    int cycles = 0;
  };
  mutable std::vector<BankCost> bank_costs;
};

/// Blocks of this kernel that fit into an SM at once; 0 with what is too small in `limit`.
int occupancy(const SmParameters& parameters, const Code& code, Dimensions block, std::string& limit);

}  // namespace triad::gpu
