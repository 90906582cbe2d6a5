#pragma once
#include <string>

#include "models/memory/dram/parameters.hpp"

namespace triad::memory {

/// The preset ddr4-3200 with one channel: 22-22-22, tRAS 52, tRC 74, tFAW 34, a burst of 4 cycles at 1.6 GHz; rows of
/// 8 KiB in four groups of four banks. `overrides`: "mapping.order=[row, bank, bank_group, column]".
inline dram::Parameters ddr4(std::vector<std::string> overrides = {}) {
  overrides.insert(overrides.begin(), {"channels=1", "mapping.interleave=64 B", "mapping.xor=none"});
  const config::Node node = config::load(config::presets() / "memory/ddr4-3200.yaml", overrides, "memory");
  return dram::Parameters::read(node);
}

}  // namespace triad::memory
