#include "sim/activity/recorder.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace triad::activity {

namespace {
constexpr double femtoseconds_per_second = 1e15;
constexpr Time femtoseconds_per_microsecond = 1'000'000'000;

bool is_work(State state) {
  return state == State::busy || state == State::fill || state == State::drain;
}
}  // namespace

const char* to_string(State state) {
  static constexpr const char* names[state_count] = {"busy",   "fill",    "drain",  "operands",
                                                     "memory", "barrier", "launch", "idle"};
  return names[static_cast<std::size_t>(state)];
}

const char* Coverage::bound_by() const {
  const Cycle most = std::max({compute, memory, launch, latency});
  if (compute == most) return "compute";
  if (memory == most) return "memory";
  return launch == most ? "launch" : "latency";
}

Recorder::Recorder(std::uint64_t hz, std::size_t ops) : hz_(hz), ops_(ops), op_times_(ops) {}

int Recorder::add_unit(std::string name, std::uint64_t hz, Resource resource) {
  units_.push_back({std::move(name), hz, resource, {}, 0, 0, {}, 0});
  return static_cast<int>(units_.size()) - 1;
}

int Recorder::add_action(int unit, std::string name, double picojoules) {
  actions_.push_back({unit, std::move(name), picojoules, 0});
  return static_cast<int>(actions_.size()) - 1;
}

Span Recorder::add_to_stack(int unit, State state, Cycle from, Cycle to) {
  Unit& u = units_[static_cast<std::size_t>(unit)];
  if (from < u.last) {
    throw std::logic_error(fmt::format("recorder: {} reports {} in cycles {}..{}, but was recorded up to {}", u.name,
                                       to_string(state), from, to, u.last));
  }
  u.last = to;
  u.cycles[static_cast<std::size_t>(state)] += to - from;
  return {time_of(from, u.hz), time_of(to, u.hz)};
}

void Recorder::state(int unit, State state, Tag tag, Cycle from, Cycle to) {
  if (from >= to) return;
  const Span span = add_to_stack(unit, state, from, to);
  if (state == State::idle) return;
  OpTime* op = active_op(tag, span);
  if (op != nullptr) {
    op->begin = std::min(op->begin, span.from);
    op->end = std::max(op->end, span.to);
  }
  const Resource own = units_[static_cast<std::size_t>(unit)].resource;
  const Resource resource = state == State::launch ? Resource::launch : own;
  if ((is_work(state) || state == State::launch) && resource != Resource::none) add_to_class(resource, op, span);
}

void Recorder::posted(int unit, Tag tag, Cycle from, Cycle to) {
  if (from >= to) return;
  const Span span = add_to_stack(unit, State::busy, from, to);
  // Should nothing of the op be recorded yet, it has begun no later.
  OpTime* op = active_op(tag, {span.from, span.from});
  const Resource resource = units_[static_cast<std::size_t>(unit)].resource;
  if (resource != Resource::none) add_to_class(resource, op, span);
}

Recorder::OpTime* Recorder::active_op(Tag tag, Span span) {
  if (tag.op < 0) return nullptr;
  OpWindow& window = ops_[static_cast<std::size_t>(tag.op)];
  OpTime& time = op_times_[static_cast<std::size_t>(tag.op)];
  if (window.seen && tag.step < window.step) return nullptr;
  if (!window.seen || tag.step > window.step) {
    window = {};
    window.seen = true;
    window.step = tag.step;
    time = {span.from, span.to, {}};
  }
  return &time;
}

void Recorder::add_to_class(Resource resource, OpTime* op, Span span) {
  run_classes_[static_cast<std::size_t>(resource)].add(span);
  if (op != nullptr) op->classes[static_cast<std::size_t>(resource)].add(span);
}

void Recorder::cover(Resource resource, Tag tag, Cycle from, Cycle to) {
  if (from >= to) return;
  const Span span{time_of(from, hz_), time_of(to, hz_)};
  add_to_class(resource, active_op(tag, span), span);
}

void Recorder::count(int action, std::uint64_t n, Cycle from, Cycle to) {
  if (n == 0) return;
  Action& a = actions_[static_cast<std::size_t>(action)];
  a.n += n;
  const std::uint64_t hz = units_[static_cast<std::size_t>(a.unit)].hz;
  const Time begin = time_of(from, hz), end = std::max(time_of(to, hz), begin + 1);
  const std::size_t first = begin / femtoseconds_per_microsecond, last = (end - 1) / femtoseconds_per_microsecond;
  if (microsecond_picojoules_.size() <= last) microsecond_picojoules_.resize(last + 1);
  const double energy = static_cast<double>(n) * a.picojoules;
  for (std::size_t bin = first; bin <= last; ++bin) {
    const Time bin_from = std::max(begin, bin * femtoseconds_per_microsecond);
    const Time bin_to = std::min(end, (bin + 1) * femtoseconds_per_microsecond);
    microsecond_picojoules_[bin] += energy * static_cast<double>(bin_to - bin_from) / static_cast<double>(end - begin);
  }
}

void Recorder::array(Tag tag, Cycle from, Cycle to) {
  if (tag.op < 0) return;
  OpWindow& window = ops_[static_cast<std::size_t>(tag.op)];
  if (!window.seen || tag.step != window.step) {
    throw std::logic_error(
        fmt::format("recorder: array interval of op {} step {} without a state of its own", tag.op, tag.step));
  }
  window.array_begin = window.array_seen ? std::min(window.array_begin, from) : from;
  window.array_end = window.array_seen ? std::max(window.array_end, to) : to;
  window.array_seen = true;
  // Operands may enter while the array still works for another op, which its state then names: the op has begun.
  OpTime& time = op_times_[static_cast<std::size_t>(tag.op)];
  time.begin = std::min(time.begin, time_of(from, hz_));
  time.end = std::max(time.end, time_of(to, hz_));
}

Coverage Recorder::cover(const Classes& classes, Time from, Time to) const {
  // A unit of a slower clock is active until its own next edge, which may lie beyond the end of the run.
  const auto clip = [&](const Spans& spans) {
    Spans clipped;
    for (const Span& span : spans.all()) {
      if (span.from < to) clipped.add({std::max(span.from, from), std::min(span.to, to)});
    }
    return clipped;
  };
  const Spans compute = clip(classes[0]), memory = clip(classes[1]), launch = clip(classes[2]);
  Spans work = compute;
  for (const Span& span : memory.all()) work.add(span);
  Spans all = work;
  for (const Span& span : launch.all()) all.add(span);
  const Cycle length = first_edge_at(to, hz_) - first_edge_at(from, hz_);
  const Cycle computing = compute.cycles(hz_), transferring = memory.cycles(hz_);
  const Cycle working = work.cycles(hz_), covered = all.cycles(hz_);
  Coverage coverage{working - transferring, working - computing, covered - working, length - covered};
  const Cycle both = computing + transferring - working;
  (computing >= transferring ? coverage.compute : coverage.memory) += both;
  return coverage;
}

void Recorder::finish(Time end) {
  end_ = end;
  for (Unit& unit : units_) {
    unit.total = first_edge_at(end, unit.hz);
    if (unit.last > unit.total) {
      throw std::logic_error(
          fmt::format("recorder: {} was active until cycle {} of a run of {}", unit.name, unit.last, unit.total));
    }
    constexpr auto idle = static_cast<std::size_t>(State::idle);
    Cycle active = 0;
    for (std::size_t s = 0; s < state_count; ++s) active += s == idle ? 0 : unit.cycles[s];
    unit.cycles[idle] = unit.total - active;
  }
  for (std::size_t op = 0; op < ops_.size(); ++op) {
    if (!ops_[op].seen) continue;
    const OpTime& time = op_times_[op];
    const Time op_end = std::min(time.end, end);
    ops_[op].begin = first_edge_at(time.begin, hz_);
    ops_[op].end = first_edge_at(op_end, hz_);
    ops_[op].coverage = cover(time.classes, time.begin, op_end);
  }
  coverage_ = cover(run_classes_, 0, end);
  double picojoules = 0;
  for (const Action& action : actions_) {
    Unit& unit = units_[static_cast<std::size_t>(action.unit)];
    const double energy = static_cast<double>(action.n) * action.picojoules;
    unit.actions[action.name] += action.n;
    unit.picojoules += energy;
    picojoules += energy;
  }
  energy_joules_ = picojoules * 1e-12 + static_energy_joules();
}

double Recorder::static_energy_joules() const {
  return static_watts_ * static_cast<double>(end_) / femtoseconds_per_second;
}

double Recorder::average_power_watts() const {
  return end_ == 0 ? 0 : energy_joules_ / (static_cast<double>(end_) / femtoseconds_per_second);
}

double Recorder::peak_power_watts() const {
  // A partial microsecond at the end of a longer run would exaggerate the power of its few cycles: it counts as a whole
  // one.
  const double seconds =
      static_cast<double>(std::clamp<Time>(end_, 1, femtoseconds_per_microsecond)) / femtoseconds_per_second;
  double most = 0;
  for (const double picojoules : microsecond_picojoules_) most = std::max(most, picojoules);
  // The average is a lower bound: of a run of a microsecond and a half the second bin is cut short.
  return std::max(most * 1e-12 / seconds + static_watts_, average_power_watts());
}

}  // namespace triad::activity
