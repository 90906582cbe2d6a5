#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/activity/spans.hpp"

/// One recorder: units say what they were doing (state) and what they did (count); every figure of a report comes from
/// it.
namespace triad::activity {

/// What a unit is doing in a cycle. Gaps between recorded intervals are `idle`.
enum class State { busy, fill, drain, operands, memory, barrier, launch, idle };
inline constexpr std::size_t state_count = 8;
const char* to_string(State state);

/// What a unit offers to the machine; decides which class its working cycles belong to (bound_by). `none`: to no class;
/// of many units of a kind, of which one that works does not make the machine compute, the machine reports the mean
/// (cover).
enum class Resource { compute, memory, launch, none };

/// Which op of which step an activity belongs to. op -1: none (the cycle stack counts it, no op does).
struct Tag {
  int op = -1;
  int step = 0;
};

/// The device cycles of a span, by what they were spent on; the four sum to its length. compute: a compute unit was
/// busy, filling or draining; memory: a memory unit was transferring; launch: a command was being launched while
/// neither happened; latency: none of them. Cycles in which a machine both computes and transfers belong to the class
/// that covers more of the span: the other one hides behind it. So making a class ten times faster shortens the span by
/// at most nine tenths of its share.
struct Coverage {
  Cycle compute = 0, memory = 0, launch = 0, latency = 0;
  /// The stated rule of `bound_by`: the class with the largest share; ties go to the first in the order of the fields.
  const char* bound_by() const;
};

/// What the recorder knows of an op: of the last step in which it was active.
struct OpWindow {
  bool seen = false, array_seen = false;
  int step = 0;
  Cycle begin = 0, end = 0;              ///< device cycles
  Cycle array_begin = 0, array_end = 0;  ///< device cycles: first operand into the MAC array to the last MAC
  Coverage coverage;
};

class Recorder {
 public:
  /// `hz`: the device's clock, in which ops and coverage are reported. `ops`: number of ops in the step.
  Recorder(std::uint64_t hz, std::size_t ops);

  /// Declares a unit, returns its number.
  int add_unit(std::string name, std::uint64_t hz, Resource resource);
  /// Declares an action of a unit and the energy of one, returns the action's number.
  int add_action(int unit, std::string name, double picojoules);
  /// Power that is always drawn (leakage, clock tree, idle board).
  void add_static_power(double watts) { static_watts_ += watts; }

  /// The unit was in `state` in cycles [from, to) of its clock. Intervals of a unit do not overlap and come in order of
  /// time: throws std::logic_error otherwise. Empty intervals are ignored.
  void state(int unit, State state, Tag tag, Cycle from, Cycle to);
  /// The unit was busy in cycles [from, to) with what an op had handed over to it: as state(), but the op need not wait
  /// for it, so its time does not grow; as far as it still runs, the work is its own.
  void posted(int unit, Tag tag, Cycle from, Cycle to);
  /// The machine did the work of a class in device cycles [from, to), for units of Resource::none.
  void cover(Resource resource, Tag tag, Cycle from, Cycle to);
  /// The action was done n times, spread evenly over cycles [from, to) of its unit's clock.
  void count(int action, std::uint64_t n, Cycle from, Cycle to);
  /// `lane_cycles` scalar MAC or ALU slots did useful work for a cycle.
  void work(std::uint64_t lane_cycles) { lane_cycles_ += lane_cycles; }
  /// The op's operands were in the MAC array in device cycles [from, to); a state of the op was recorded before.
  void array(Tag tag, Cycle from, Cycle to);

  // --- after the run -------------------------------------------------------------------------------------------------
  struct Unit {
    std::string name;
    std::uint64_t hz;
    Resource resource;
    std::array<Cycle, state_count> cycles{};  ///< by State; idle is what remains
    Cycle last = 0;                           ///< end of the last interval
    Cycle total = 0;                          ///< the run's length in this unit's clock
    std::map<std::string, std::uint64_t> actions;
    double picojoules = 0;
  };
  /// Closes the run at `end`: idle cycles, coverage, energy. Throws std::logic_error when a unit was active after it.
  void finish(Time end);
  const std::vector<Unit>& units() const { return units_; }
  const std::vector<OpWindow>& ops() const { return ops_; }
  const Coverage& coverage() const { return coverage_; }
  std::uint64_t lane_cycles() const { return lane_cycles_; }
  Time length() const { return end_; }
  double energy_joules() const { return energy_joules_; }
  /// The part of it that static power drew.
  double static_energy_joules() const;
  double average_power_watts() const;
  /// Power in the microsecond in which most energy is spent (of the whole run when it is shorter).
  double peak_power_watts() const;

 private:
  struct Action {
    int unit;
    std::string name;
    double picojoules;
    std::uint64_t n = 0;
  };
  using Classes = std::array<Spans, 3>;  ///< by Resource
  struct OpTime {
    Time begin = 0, end = 0;
    Classes classes;
  };
  /// The op's time in the step of the tag, begun anew with a later step; nothing for no op or an earlier step.
  OpTime* active_op(Tag tag, Span span);
  /// The unit's cycle stack gets the interval: its span of time, or an empty one.
  Span add_to_stack(int unit, State state, Cycle from, Cycle to);
  void add_to_class(Resource resource, OpTime* op, Span span);
  Coverage cover(const Classes& classes, Time from, Time to) const;

  std::uint64_t hz_;
  std::vector<Unit> units_;
  std::vector<Action> actions_;
  std::vector<OpWindow> ops_;
  std::vector<OpTime> op_times_;
  Classes run_classes_;
  Coverage coverage_;
  std::vector<double> microsecond_picojoules_;
  double static_watts_ = 0, energy_joules_ = 0;
  std::uint64_t lane_cycles_ = 0;
  Time end_ = 0;
};

}  // namespace triad::activity
