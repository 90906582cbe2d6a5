#include "models/kit/unit.hpp"

#include <algorithm>
#include <functional>

namespace triad::kit {

Unit::Unit(const sc_core::sc_module_name& name, Clock clock)
    : sc_module(name), agenda_(Agenda::current()), clock_(clock) {}

void Unit::wake_at_time(Time time) {
  time = std::max(time, agenda_.now());
  // Latest first: the next one is at the back.
  const auto place = std::lower_bound(wakes_.begin(), wakes_.end(), time, std::greater<>());
  if (place != wakes_.end() && *place == time) return;
  wakes_.insert(place, time);
  agenda_.ask(*this, time);
}

void Unit::be_stepped() {
  const Time now = agenda_.now();
  if (wakes_.empty() || wakes_.back() > now) return;  // time has jumped over several at once
  ++activations_;
  while (!wakes_.empty() && wakes_.back() <= now) wakes_.pop_back();
  step();
}

}  // namespace triad::kit
