#pragma once
#include <cstdint>
#include <exception>
#include <functional>
#include <queue>
#include <systemc>
#include <vector>

#include "sim/activity/spans.hpp"

namespace triad::kit {

using activity::Time;
class Unit;

/// The current machine's time.
Time now();

/// The time of one machine, and which of its units is to be stepped when. A machine's time begins with `begin()`,
/// whenever that is in the simulation around it, and is exact in femtoseconds whatever SystemC's time resolution is:
/// at a tick of SystemC all steps that fall due up to it are taken, in the order of their own times. So a machine does
/// the same in every surrounding: alone, or in a user's platform that starts it late and ticks coarsely.
///
/// Units belong to the agenda that is current when they are made; whatever an agenda calls, it is the current one.
class Agenda {
 public:
  /// Becomes the current one.
  Agenda();
  ~Agenda();
  Agenda(const Agenda&) = delete;
  Agenda& operator=(const Agenda&) = delete;
  /// One that all units share that are made while there is no other.
  static Agenda& current();

  /// The machine's time: 0 at its begin and before.
  Time now() const { return now_; }
  /// The same as SystemC's time tells it, between two steps.
  Time elapsed() const { return begun_ ? reached() : 0; }
  /// Has `begin` been called?
  bool begun() const { return begun_; }
  /// The machine's time 0 is now; nothing is stepped before. Once.
  void begin();
  /// Steps beyond this time are left undone.
  void bound(Time limit) { limit_ = limit; }
  /// Called, in a process of its own, when nothing is left to do (up to the bound) and nothing awaited, or a step has
  /// failed; perhaps more than once.
  void on_rest(std::function<void()> at_rest) { at_rest_ = std::move(at_rest); }
  /// At rest: has the bound kept something from being done?
  bool cut_short() const {
    return (!steps_.empty() && steps_.top().at > limit_) || (awaited_ > 0 && elapsed() > limit_);
  }
  /// The first exception that a step or an act threw; nothing is stepped after it.
  const std::exception_ptr& failure() const { return failure_; }
  /// The same from outside a step. The machine comes to rest.
  void fail(std::exception_ptr failure);

  /// Something happens to the machine from outside, in a process of SystemC that is none of its steps: the machine's
  /// time comes up to SystemC's, then `act` runs as a part of it.
  void enter(const std::function<void()>& act);
  /// The machine awaits something from outside: as long as it does it is not at rest.
  void await() { ++awaited_; }
  void arrived() { --awaited_; }
  /// How long it takes, from SystemC's now, until the machine's time has come to `time`: rounded up to a tick.
  sc_core::sc_time until(Time time) const;

  /// For Unit: asks for a step at `time`, at least now.
  void ask(Unit& unit, Time time);

 private:
  struct Step {
    Time at;
    std::uint64_t order;
    Unit* unit;
    bool operator>(const Step& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  struct Within;
  void dispatch();
  void step_before(Time time);
  bool schedule();
  /// SystemC's time in the machine's.
  Time reached() const;

  static Agenda* current_;
  std::uint64_t tick_ = 0;    ///< femtoseconds of SystemC's resolution
  std::uint64_t origin_ = 0;  ///< in ticks
  bool begun_ = false, stepping_ = false;
  Time now_ = 0, limit_ = ~Time{0};
  int awaited_ = 0;
  std::uint64_t order_ = 0;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> steps_;
  std::function<void()> at_rest_;
  std::exception_ptr failure_;
  sc_core::sc_event due_;
};

}  // namespace triad::kit
