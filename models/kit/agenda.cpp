#define SC_INCLUDE_DYNAMIC_PROCESSES  // for sc_spawn
#include "models/kit/agenda.hpp"

#include <algorithm>
#include <cmath>

#include "models/kit/unit.hpp"

namespace triad::kit {

Agenda* Agenda::current_ = nullptr;

Time now() {
  return Agenda::current().now();
}

Agenda::Agenda() {
  current_ = this;
  sc_core::sc_spawn_options options;
  options.spawn_method();
  options.dont_initialize();
  options.set_sensitivity(&due_);
  sc_core::sc_spawn([this] { dispatch(); }, sc_core::sc_gen_unique_name("agenda"), &options);
}

Agenda::~Agenda() {
  if (current_ == this) current_ = nullptr;
}

Agenda& Agenda::current() {
  static Agenda* common = nullptr;  // lives as long as SystemC's own objects: to the end of the process
  if (current_ == nullptr) {
    if (common == nullptr) common = new Agenda;
    current_ = common;
  }
  return *current_;
}

void Agenda::begin() {
  tick_ = static_cast<std::uint64_t>(std::llround(sc_core::sc_get_time_resolution().to_seconds() * 1e15));
  origin_ = sc_core::sc_time_stamp().value();
  begun_ = true;
  due_.notify(sc_core::SC_ZERO_TIME);
}

Time Agenda::reached() const {
  return (sc_core::sc_time_stamp().value() - origin_) * tick_;
}

sc_core::sc_time Agenda::until(Time time) const {
  const std::uint64_t at = origin_ + time / tick_ + (time % tick_ != 0 ? 1 : 0);
  const std::uint64_t stamp = sc_core::sc_time_stamp().value();
  return sc_core::sc_time::from_value(at > stamp ? at - stamp : 0);
}

void Agenda::ask(Unit& unit, Time time) {
  const bool next = steps_.empty() || time < steps_.top().at;
  steps_.push({time, order_++, &unit});
  if (next && begun_ && !stepping_) due_.notify(until(time));  // an event keeps its earliest notification
}

void Agenda::fail(std::exception_ptr failure) {
  if (failure_) return;
  failure_ = std::move(failure);
  if (begun_ && !stepping_) due_.notify(sc_core::SC_ZERO_TIME);
}

/// While it lives the agenda is the current one.
struct Agenda::Within {
  explicit Within(Agenda& agenda) : around(current_) { current_ = &agenda; }
  ~Within() { current_ = around; }
  Agenda* around;
};

/// Takes every step that is due before `time`, in order.
void Agenda::step_before(Time time) {
  const Within within(*this);
  stepping_ = true;
  while (!failure_ && !steps_.empty() && steps_.top().at < time && steps_.top().at <= limit_) {
    const Step next = steps_.top();
    steps_.pop();
    now_ = std::max(now_, next.at);
    try {
      next.unit->be_stepped();
    } catch (...) {
      failure_ = std::current_exception();  // SystemC would turn it into a report of its own
    }
  }
  stepping_ = false;
}

void Agenda::enter(const std::function<void()>& act) {
  step_before(reached());
  if (failure_) return;
  const Within within(*this);
  now_ = std::max(now_, reached());
  stepping_ = true;
  try {
    act();
  } catch (...) {
    failure_ = std::current_exception();
  }
  stepping_ = false;
  if (schedule()) due_.notify(sc_core::SC_ZERO_TIME);  // it is told in the agenda's own process, not in the caller's
}

void Agenda::dispatch() {
  const Within within(*this);
  step_before(reached() + 1);
  if (schedule() && at_rest_) at_rest_();
}

/// Asks for the next dispatch. True when the machine is at rest.
bool Agenda::schedule() {
  const bool left = !steps_.empty() && steps_.top().at <= limit_;
  if (failure_ || (!left && (awaited_ == 0 || reached() > limit_))) return true;
  if (left) {
    due_.notify(until(steps_.top().at));
  } else if (limit_ != ~Time{0}) {
    due_.notify(until(limit_ + 1));
  }
  return false;
}

}  // namespace triad::kit
