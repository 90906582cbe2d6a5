#include "models/memory/unit_record.hpp"

namespace triad::memory {

void UnitRecord::busy(activity::Tag tag, kit::Cycle now, kit::Cycle to) {
  if (now > busy_to_ || tag.op != tag_.op || tag.step != tag_.step) {
    track_.state(activity::State::busy, tag_, busy_from_, std::min(busy_to_, now));
    busy_from_ = now;
    tag_ = tag;
  }
  busy_to_ = std::max(busy_to_, to);
}

void UnitRecord::flush_counts() {
  for (Action& action : actions_) {
    track_.count(action.number, action.n, counted_from_, counted_to_);
    action.n = 0;
  }
}

void UnitRecord::finish() {
  flush_counts();
  track_.state(activity::State::busy, tag_, busy_from_, busy_to_);
  busy_from_ = busy_to_;
}

}  // namespace triad::memory
