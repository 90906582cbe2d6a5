#include "models/kit/scratchpad.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::kit {

int Scratchpad::use(const std::string& who, std::uint64_t begin, std::uint64_t end, bool write, Cycle now) {
  if (end > data_.size() || begin > end) {
    throw device::Fault(
        fmt::format("cycle {}: {} uses on-chip bytes {:#x}..{:#x} of {:#x}", now, who, begin, end, data_.size()));
  }
  const int id = next_++;
  if (!check_) return id;
  for (const Use& other : uses_) {
    if (end <= other.begin || other.end <= begin || (!write && !other.write)) continue;
    throw device::Fault(
        fmt::format("hazard in cycle {}: {} {} on-chip bytes {:#x}..{:#x} while {} {} {:#x}..{:#x} since cycle {}", now,
                    who, write ? "writes" : "reads", begin, end, other.who, other.write ? "writes" : "reads",
                    other.begin, other.end, other.since));
  }
  uses_.push_back({id, who, begin, end, write, now});
  return id;
}

void Scratchpad::release(int use) {
  if (!check_) return;
  std::erase_if(uses_, [&](const Use& other) { return other.id == use; });
}

}  // namespace triad::kit
