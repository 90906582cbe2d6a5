#pragma once
#include <cstdint>
#include <vector>

namespace triad::activity {

using Cycle = std::uint64_t;
using Time = std::uint64_t;  ///< femtoseconds

/// Femtoseconds of edge `cycle` of a clock: floor(cycle * 1e15 / hz), computed from the edge's number, never
/// accumulated.
Time time_of(Cycle cycle, std::uint64_t hz);
/// The first edge at or after `time`.
Cycle first_edge_at(Time time, std::uint64_t hz);
/// The first edge strictly after `time`: when a message that crosses clocks is seen.
inline Cycle first_edge_after(Time time, std::uint64_t hz) {
  return first_edge_at(time + 1, hz);
}

struct Span {
  Time from, to;
};

/// A union of spans of time: disjoint, in order. Adding merges what overlaps or touches.
class Spans {
 public:
  void add(Span span);
  const std::vector<Span>& all() const { return spans_; }
  /// Edges of a clock that fall into the spans.
  Cycle cycles(std::uint64_t hz) const;

 private:
  std::vector<Span> spans_;
};

}  // namespace triad::activity
