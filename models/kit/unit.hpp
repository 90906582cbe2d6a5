#pragma once
#include <string>
#include <vector>

#include "models/kit/clock.hpp"
#include "sim/activity/recorder.hpp"

namespace triad::kit {

/// A line of the record: what one unit was doing and did. A thin handle on activity::Recorder.
class Track {
 public:
  Track(activity::Recorder& recorder, const std::string& name, const Clock& clock, activity::Resource resource)
      : recorder_(&recorder), id_(recorder.add_unit(name, clock.hz(), resource)) {}
  /// Declares an action and its energy; returns its number for `count`.
  int add_action(const std::string& action, double picojoules) {
    return recorder_->add_action(id_, action, picojoules);
  }
  void state(activity::State state, activity::Tag tag, Cycle from, Cycle to) {
    recorder_->state(id_, state, tag, from, to);
  }
  void posted(activity::Tag tag, Cycle from, Cycle to) { recorder_->posted(id_, tag, from, to); }
  void count(int action, std::uint64_t n, Cycle from, Cycle to) { recorder_->count(action, n, from, to); }
  /// Scalar MAC or ALU slots that did useful work for a cycle.
  void work(std::uint64_t lane_cycles) { recorder_->work(lane_cycles); }
  /// The machine did the work of a class in device cycles [from, to) (activity::Recorder::cover).
  void cover(activity::Resource resource, activity::Tag tag, Cycle from, Cycle to) {
    recorder_->cover(resource, tag, from, to);
  }
  /// The op's operands were in the MAC array in device cycles [from, to).
  void array(activity::Tag tag, Cycle from, Cycle to) { recorder_->array(tag, from, to); }

 private:
  activity::Recorder* recorder_;
  int id_;
};

/// A unit of a machine sleeps until the next cycle in which it has something to do. A unit overrides `step`, which the
/// machine's agenda runs at that cycle's edge, and asks for its next one with `wake_at`. What units tell one another
/// takes at least one cycle, so results do not depend on the order in which they are stepped.
class Unit : public sc_core::sc_module {
 public:
  static constexpr Cycle never = ~Cycle{0};
  Unit(const sc_core::sc_module_name& name, Clock clock);

  /// Asks to be stepped at `cycle` (now, after this step, if that has passed). Every request is kept; asking twice is
  /// free.
  void wake_at(Cycle cycle) { wake_at_time(clock_.time_of(cycle)); }
  void wake_at_time(Time time);
  /// Why this unit cannot go on, or empty when it has nothing outstanding: "token dma0_to_mxu0, 0 of 1 there".
  virtual std::string waits_for() const = 0;

  /// How often units of this process have been stepped: what a simulation costs the host.
  static std::uint64_t activations() { return activations_; }

  const Clock& clock() const { return clock_; }
  /// The current cycle: the first edge at or after now.
  Cycle cycle() const { return clock_.at(agenda_.now()); }
  /// The machine's.
  Agenda& agenda() const { return agenda_; }
  /// For the agenda: time has come to one that was asked for.
  void be_stepped();

 protected:
  virtual void step() = 0;

 private:
  Agenda& agenda_;
  Clock clock_;
  static inline std::uint64_t activations_ = 0;
  std::vector<Time> wakes_;  ///< asked for, latest first
};

}  // namespace triad::kit
