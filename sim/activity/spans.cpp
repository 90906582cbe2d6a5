#include "sim/activity/spans.hpp"

#include <algorithm>

namespace triad::activity {

namespace {
constexpr Time femtoseconds_per_second = 1'000'000'000'000'000;
}

Time time_of(Cycle cycle, std::uint64_t hz) {
  return static_cast<Time>(static_cast<unsigned __int128>(cycle) * femtoseconds_per_second / hz);
}

Cycle first_edge_at(Time time, std::uint64_t hz) {
  // The smallest n with floor(n * 1e15 / hz) >= time is ceil(time * hz / 1e15).
  const auto product = static_cast<unsigned __int128>(time) * hz;
  return static_cast<Cycle>((product + femtoseconds_per_second - 1) / femtoseconds_per_second);
}

void Spans::add(Span span) {
  // Units report nearly in order of time, so the place is found from the back.
  auto first = spans_.end();
  while (first != spans_.begin() && (first - 1)->to >= span.from) --first;
  auto last = first;
  while (last != spans_.end() && last->from <= span.to) {
    span.from = std::min(span.from, last->from);
    span.to = std::max(span.to, last->to);
    ++last;
  }
  if (last == first) {
    spans_.insert(first, span);
  } else {
    *first = span;
    spans_.erase(first + 1, last);
  }
}

Cycle Spans::cycles(std::uint64_t hz) const {
  Cycle sum = 0;
  for (const Span& span : spans_) sum += first_edge_at(span.to, hz) - first_edge_at(span.from, hz);
  return sum;
}

}  // namespace triad::activity
