#include "models/kit/scratchpad.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::kit {

bool Scratchpad::is_valid(const Range& range) const {
  for (std::uint64_t row = 0; row < range.rows; ++row) {
    const std::uint64_t begin = range.begin + row * range.pitch;
    const auto next = valid_.upper_bound(begin);
    if (next == valid_.begin() || std::prev(next)->second < begin + range.row_bytes) return false;
  }
  return true;
}

void Scratchpad::mark_valid(const Range& range) {
  for (std::uint64_t row = 0; row < range.rows; ++row) {
    std::uint64_t begin = range.begin + row * range.pitch, end = begin + range.row_bytes;
    auto at = valid_.upper_bound(begin);
    if (at != valid_.begin() && std::prev(at)->second >= begin) --at;
    while (at != valid_.end() && at->first <= end) {
      begin = std::min(begin, at->first);
      end = std::max(end, at->second);
      at = valid_.erase(at);
    }
    valid_.emplace_hint(at, begin, end);
  }
}

int Scratchpad::use(const std::string& who, const Range& range, Access access, Cycle now) {
  if (range.end() > data_.size() || range.begin > range.end()) {
    throw device::Fault(
        fmt::format("cycle {}: {} uses {} {} of {:#x}", now, who, uses_.bytes(), to_string(range), data_.size()));
  }
  const int use = uses_.begin(who, range, access, now);
  if (uses_.checks() && (access == Access::read || access == Access::update) && !is_valid(range)) {
    uses_.end(use);
    throw device::Fault(fmt::format("hazard in cycle {}: {} {} {} {}, which were not written in this step", now, who,
                                    verb(access), uses_.bytes(), to_string(range)));
  }
  return use;
}

void Scratchpad::release(int use) {
  const auto ended = uses_.end(use);
  if (ended && ended->access != Access::read) mark_valid(ended->range);
}

}  // namespace triad::kit
