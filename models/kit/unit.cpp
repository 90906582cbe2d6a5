#include "models/kit/unit.hpp"

#include <algorithm>
#include <functional>

namespace triad::kit {

Unit::Unit(const sc_core::sc_module_name& name, Clock clock) : sc_module(name), clock_(clock) {
  SC_HAS_PROCESS(Unit);
  SC_METHOD(woken);
  sensitive << wake_;
  dont_initialize();
}

void Unit::wake_at_time(Time time) {
  time = std::max(time, now());
  // Latest first: the next wake is at the back. A request for a later time must not be lost when an earlier one is
  // pending.
  const auto place = std::lower_bound(wakes_.begin(), wakes_.end(), time, std::greater<>());
  if (place != wakes_.end() && *place == time) return;
  const bool is_next = place == wakes_.end();
  wakes_.insert(place, time);
  if (is_next) wake_.notify(sc_core::sc_time::from_value(time - now()));  // sc_event keeps the earliest notification
}

void Unit::woken() {
  ++activations_;
  while (!wakes_.empty() && wakes_.back() <= now()) wakes_.pop_back();
  if (!wakes_.empty()) wake_.notify(sc_core::sc_time::from_value(wakes_.back() - now()));
  try {
    step();
  } catch (...) {
    // SystemC would turn it into a report of its own; simulate() throws it on.
    if (failure()) return;
    failure() = std::current_exception();
    sc_core::sc_stop();
  }
}

std::exception_ptr& Unit::failure() {
  static std::exception_ptr first;
  return first;
}

}  // namespace triad::kit

/// SystemC's library asks for it, because its own main would call it. Triad has a main and elaborates by itself.
int sc_main(int, char*[]) {
  return 0;
}
