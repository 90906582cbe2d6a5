#include "models/tpu/compiler/dependences.hpp"

#include <algorithm>

namespace triad::tpu {

Dependences::Dependences(int units)
    : issued_(static_cast<std::size_t>(units)),
      waited_(static_cast<std::size_t>(units), Counts(static_cast<std::size_t>(units))) {}

void Dependences::raise(Counts& to, const Counts& by) {
  if (by.empty()) return;
  if (to.empty()) to.resize(by.size());
  for (std::size_t unit = 0; unit < by.size(); ++unit) to[unit] = std::max(to[unit], by[unit]);
}

void Dependences::raise(Counts& to, int unit, std::uint64_t count) const {
  if (to.empty()) to.resize(issued_.size());
  to[static_cast<std::size_t>(unit)] = count;
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

std::vector<Wait> Dependences::add(int unit, int group, std::span<const Access> accesses) {
  const std::uint64_t own = ++issued_[static_cast<std::size_t>(unit)];
  Counts needed;
  // All needs first: what the instruction does itself to a range must not hide what was done before.
  for (const Access& access : accesses) {
    for_segments(access, [&](const Segment& s) {
      if (!access.write) return raise(needed, s.writers);
      raise(needed, s.readers);
      // Every writer of a group waits for the groups before: it is not ordered behind the first writer.
      raise(needed, s.writer_group == group ? s.before : s.writers);
    });
  }
  for (const Access& access : accesses) {
    for_segments(access, [&](Segment& s) {
      if (!access.write) return raise(s.readers, unit, own);
      if (s.writer_group != group) {
        s.before = std::move(s.writers);
        raise(s.before, s.readers);
        s.writers.clear();
        s.readers.clear();
        s.writer_group = group;
      }
      raise(s.writers, unit, own);
    });
  }
  std::vector<Wait> waits;
  Counts& waited = waited_[static_cast<std::size_t>(unit)];
  for (std::size_t other = 0; other < needed.size(); ++other) {
    if (waited[other] >= needed[other]) continue;
    waited[other] = needed[other];
    waits.push_back({static_cast<int>(other), needed[other]});
  }
  return waits;
}

void Dependences::coarsen(std::size_t limit) {
  for (Ranges& ranges : ranges_) {
    while (ranges.size() > limit) {
      for (auto at = ranges.begin(); at != ranges.end(); ++at) {
        const auto next = std::next(at);
        if (next == ranges.end()) break;
        Segment& kept = at->second;
        kept.end = next->second.end;
        kept.writer_group = -1;
        kept.before.clear();
        raise(kept.writers, next->second.writers);
        raise(kept.readers, next->second.readers);
        ranges.erase(next);
      }
    }
  }
}

}  // namespace triad::tpu
