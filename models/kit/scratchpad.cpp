#include "models/kit/scratchpad.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "sim/device/device.hpp"

namespace triad::kit {

namespace {

/// Do two ranges share a byte? Rows ascend in both, so one pass over them decides.
bool overlap(const Range& a, const Range& b) {
  if (a.end() <= b.begin || b.end() <= a.begin) return false;
  std::uint64_t i = 0, j = 0;
  while (i < a.rows && j < b.rows) {
    const std::uint64_t at = a.begin + i * a.pitch, bt = b.begin + j * b.pitch;
    if (at + a.row_bytes <= bt) {
      ++i;
    } else if (bt + b.row_bytes <= at) {
      ++j;
    } else {
      return true;
    }
  }
  return false;
}

std::string text(const Range& range) {
  return fmt::format("{:#x}..{:#x}", range.begin, range.end());
}

const char* verb(Access access) {
  switch (access) {
    case Access::read:
      return "reads";
    case Access::write:
      return "writes";
    case Access::update:
      return "updates";
    case Access::add:
      return "adds to";
  }
  return "uses";
}

}  // namespace

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
        fmt::format("cycle {}: {} uses on-chip bytes {} of {:#x}", now, who, text(range), data_.size()));
  }
  const int id = next_++;
  if (!check_) return id;
  for (const Use& other : uses_) {
    if (access == Access::read && other.access == Access::read) continue;
    if (access == Access::add && other.access == Access::add && who == other.who) continue;
    if (!overlap(range, other.range)) continue;
    throw device::Fault(fmt::format("hazard in cycle {}: {} {} on-chip bytes {} while {} {} {} since cycle {}", now,
                                    who, verb(access), text(range), other.who, verb(other.access), text(other.range),
                                    other.since));
  }
  if ((access == Access::read || access == Access::update) && !is_valid(range)) {
    throw device::Fault(fmt::format("hazard in cycle {}: {} {} on-chip bytes {}, which were not written in this step",
                                    now, who, verb(access), text(range)));
  }
  uses_.push_back({id, who, range, access, now});
  return id;
}

void Scratchpad::release(int use) {
  if (!check_) return;
  const auto found = std::find_if(uses_.begin(), uses_.end(), [&](const Use& other) { return other.id == use; });
  if (found == uses_.end()) return;
  if (found->access != Access::read) mark_valid(found->range);
  uses_.erase(found);
}

}  // namespace triad::kit
