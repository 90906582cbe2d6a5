#pragma once
#include <array>
#include <string>

#include "models/gpu/sm/code.hpp"
#include "models/kit/unit.hpp"
#include "sim/activity/technology.hpp"

namespace triad::gpu {

using activity::Cycle;

/// Joins the states of consecutive cycles of a unit into intervals before they are recorded.
class States {
 public:
  explicit States(kit::Track track) : track_(track) {}
  kit::Track& track() { return track_; }
  /// The unit was in `state` in cycles [from, to); calls come in order of time.
  void add(activity::State state, activity::Tag tag, Cycle from, Cycle to) {
    if (from >= to) return;
    if (state == state_ && from == to_ && tag.op == tag_.op && tag.step == tag_.step) {
      to_ = to;
      return;
    }
    flush();
    state_ = state, tag_ = tag, from_ = from, to_ = to;
  }
  void flush() {
    if (state_ != activity::State::idle) track_.state(state_, tag_, from_, to_);
    from_ = to_;
  }

 private:
  kit::Track track_;
  activity::State state_ = activity::State::idle;
  activity::Tag tag_;
  Cycle from_ = 0, to_ = 0;
};

/// What an SM did: counts per action, handed to the recorder once per microsecond.
class Counters {
 public:
  Counters(kit::Track track, const activity::Technology& technology, const SmParameters& parameters,
           std::uint64_t clock_hz);
  void add(Action action, std::uint64_t n) { counts_[static_cast<std::size_t>(action)] += n; }
  /// Before the counts of a cycle: hands over what was counted in earlier microseconds.
  void begin_cycle(Cycle now) {
    if (now >= next_) flush(now);
    last_ = now + 1;
  }
  /// Hands over everything; the next counts begin in cycle `now`.
  void flush(Cycle now);

 private:
  kit::Track track_;
  std::array<std::uint64_t, action_count + 1> counts_{};  // and one for Action::none
  std::array<int, action_count> numbers_{};
  Cycle period_, from_ = 0, last_ = 0, next_ = 0;
};

}  // namespace triad::gpu
