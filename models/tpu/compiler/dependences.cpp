#include "models/tpu/compiler/dependences.hpp"

#include <algorithm>

namespace triad::tpu {

Dependences::Dependences(int units)
    : issued_(static_cast<std::size_t>(units)), waited_(static_cast<std::size_t>(units)) {}

void Dependences::split(Ranges& ranges, std::uint64_t at) {
  auto next = ranges.upper_bound(at);
  if (next == ranges.begin()) return;
  const auto segment = std::prev(next);
  if (segment->first == at || segment->second.end <= at) return;
  Segment tail = segment->second;
  segment->second.end = at;
  ranges.emplace_hint(next, at, std::move(tail));
}

std::vector<Wait> Dependences::add(int unit, int op, std::span<const Access> accesses) {
  const std::uint64_t own = ++issued_[static_cast<std::size_t>(unit)];
  Counts needed;
  const auto need = [&](const Counts& counts) {
    for (const auto& [other, count] : counts) {
      if (other == unit && count == own) continue;
      needed[other] = std::max(needed[other], count);
    }
  };
  for (const Access& access : accesses) {
    if (access.begin >= access.end) continue;
    Ranges& ranges = ranges_[static_cast<int>(access.space)];
    split(ranges, access.begin);
    split(ranges, access.end);
    for (std::uint64_t at = access.begin; at < access.end;) {
      auto segment = ranges.lower_bound(at);
      if (segment == ranges.end() || segment->first != at) {  // nobody has touched this part
        const std::uint64_t end = segment == ranges.end() ? access.end : std::min(access.end, segment->first);
        segment = ranges.emplace_hint(segment, at, Segment{end, -1, {}, {}});
      }
      Segment& s = segment->second;
      if (access.write) {
        need(s.readers);
        if (s.writer_op != op) {
          need(s.writers);
          s.writers.clear();
          s.readers.clear();
          s.writer_op = op;
        }
        s.writers[unit] = own;
      } else {
        need(s.writers);
        s.readers[unit] = own;
      }
      at = s.end;
    }
  }
  std::vector<Wait> waits;
  Counts& waited = waited_[static_cast<std::size_t>(unit)];
  for (const auto& [other, count] : needed) {
    if (waited[other] >= count) continue;
    waited[other] = count;
    waits.push_back({other, count});
  }
  return waits;
}

}  // namespace triad::tpu
