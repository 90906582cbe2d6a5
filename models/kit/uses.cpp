#include "models/kit/uses.hpp"

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

}  // namespace

std::string to_string(const Range& range) {
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

int Uses::begin(const std::string& who, const Range& range, Access access, Cycle now) {
  const int id = next_++;
  if (!check_) return id;
  for (const Use& other : uses_) {
    if (access == Access::read && other.access == Access::read) continue;
    if (access == Access::add && other.access == Access::add && who == other.who) continue;
    if (!overlap(range, other.range)) continue;
    throw device::Fault(fmt::format("hazard in cycle {}: {} {} {} {} while {} {} {} since cycle {}", now, who,
                                    verb(access), bytes_, to_string(range), other.who, verb(other.access),
                                    to_string(other.range), other.since));
  }
  uses_.push_back({id, who, range, access, now});
  return id;
}

std::optional<Uses::Use> Uses::end(int use) {
  const auto found = std::find_if(uses_.begin(), uses_.end(), [&](const Use& other) { return other.id == use; });
  if (found == uses_.end()) return std::nullopt;
  const Use ended = std::move(*found);
  uses_.erase(found);
  return ended;
}

}  // namespace triad::kit
