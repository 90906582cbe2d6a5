#pragma once
#include <algorithm>
#include <vector>

#include "models/kit/unit.hpp"

namespace triad::memory {

/// What a unit of the memory system did: busy while anything moves in it, and counts, handed to the recorder once per
/// microsecond. Work is reported when it is begun, in order of time; what overlaps is one interval, for the op of what
/// was begun last.
class UnitRecord {
 public:
  UnitRecord(activity::Recorder& recorder, const std::string& name, const kit::Clock& clock,
             activity::Resource resource = activity::Resource::memory)
      : track_(recorder, name, clock, resource), period_(std::max<kit::Cycle>(1, clock.hz() / 1'000'000)) {}
  /// Returns the action's number for `count`.
  std::size_t add_action(const std::string& action, double picojoules) {
    actions_.push_back({track_.add_action(action, picojoules), 0});
    return actions_.size() - 1;
  }
  /// Something moves in cycles [now, to).
  void busy(activity::Tag tag, kit::Cycle now, kit::Cycle to);
  /// The action was done n times in cycle `now`.
  void count(std::size_t action, std::uint64_t n, kit::Cycle now) {
    if (now >= counted_from_ + period_) {
      flush_counts();
      counted_from_ = now;
    }
    counted_to_ = now + 1;
    actions_[action].n += n;
  }
  /// Hands over everything: at the end of the run.
  void finish();

 private:
  struct Action {
    int number;
    std::uint64_t n;
  };
  void flush_counts();

  kit::Track track_;
  kit::Cycle period_;
  std::vector<Action> actions_;
  kit::Cycle counted_from_ = 0, counted_to_ = 0;
  kit::Cycle busy_from_ = 0, busy_to_ = 0;
  activity::Tag tag_;
};

}  // namespace triad::memory
