#include "models/tpu/compiler/dependences.hpp"

#include <algorithm>

namespace triad::tpu {

Dependences::Dependences(int units)
    : issued_(static_cast<std::size_t>(units)), waited_(static_cast<std::size_t>(units)) {}

void Dependences::raise(Counts& to, const Counts& by) {
  for (const auto& [unit, count] : by) to[unit] = std::max(to[unit], count);
}

void Dependences::split(Ranges& ranges, std::uint64_t at) {
  auto next = ranges.upper_bound(at);
  if (next == ranges.begin()) return;
  const auto segment = std::prev(next);
  if (segment->first == at || segment->second.end <= at) return;
  Segment tail = segment->second;
  segment->second.end = at;
  ranges.emplace_hint(next, at, std::move(tail));
}

template <class Visit>
void Dependences::for_segments(const Access& access, Visit visit) {
  if (access.begin >= access.end) return;
  Ranges& ranges = ranges_[static_cast<int>(access.space)];
  split(ranges, access.begin);
  split(ranges, access.end);
  for (std::uint64_t at = access.begin; at < access.end;) {
    auto segment = ranges.lower_bound(at);
    if (segment == ranges.end() || segment->first != at) {  // nobody has touched this part
      const std::uint64_t end = segment == ranges.end() ? access.end : std::min(access.end, segment->first);
      segment = ranges.emplace_hint(segment, at, Segment{end, -1, {}, {}, {}});
    }
    visit(segment->second);
    at = segment->second.end;
  }
}

std::vector<Wait> Dependences::add(int unit, int op, std::span<const Access> accesses) {
  const std::uint64_t own = ++issued_[static_cast<std::size_t>(unit)];
  Counts needed;
  // All needs first: what the instruction does itself to a range must not hide what was done before.
  for (const Access& access : accesses) {
    for_segments(access, [&](const Segment& s) {
      if (!access.write) return raise(needed, s.writers);
      raise(needed, s.readers);
      // Every writer of an op waits for the ops before: it is not ordered behind the first writer.
      raise(needed, s.writer_op == op ? s.before : s.writers);
    });
  }
  for (const Access& access : accesses) {
    for_segments(access, [&](Segment& s) {
      if (!access.write) {
        s.readers[unit] = own;
        return;
      }
      if (s.writer_op != op) {
        s.before = std::move(s.writers);
        raise(s.before, s.readers);
        s.writers.clear();
        s.readers.clear();
        s.writer_op = op;
      }
      s.writers[unit] = own;
    });
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
