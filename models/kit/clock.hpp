#pragma once
#include "models/kit/agenda.hpp"

namespace triad::kit {

using activity::Cycle;
using activity::Time;

/// A clock of an integer number of hertz. No signal toggles: units count edges (activity::time_of) and sleep between
/// them.
class Clock {
 public:
  explicit Clock(std::uint64_t hz) : hz_(hz) {}
  std::uint64_t hz() const { return hz_; }
  /// Femtoseconds of edge `cycle`.
  Time time_of(Cycle cycle) const { return activity::time_of(cycle, hz_); }
  /// The first edge at or after `time`.
  Cycle at(Time time) const { return activity::first_edge_at(time, hz_); }
  /// The first edge strictly after `time`: when a message that crosses clocks is seen.
  Cycle after(Time time) const { return activity::first_edge_after(time, hz_); }

 private:
  std::uint64_t hz_;
};

}  // namespace triad::kit
