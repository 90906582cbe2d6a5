#include "models/kit/unit.hpp"

#include <algorithm>

namespace triad::kit {

Unit::Unit(const sc_core::sc_module_name& name, Clock clock) : sc_module(name), clock_(clock) {
  SC_HAS_PROCESS(Unit);
  SC_METHOD(woken);
  sensitive << wake_;
  dont_initialize();
}

void Unit::wake_at_time(Time time) {
  time = std::max(time, now());
  if (time >= next_) return;
  next_ = time;
  // Of several pending notifications sc_event keeps the earliest, which is this one.
  wake_.notify(sc_core::sc_time::from_value(time - now()));
}

void Unit::woken() {
  next_ = ~Time{0};
  try {
    step();
  } catch (...) {
    // SystemC would turn it into a report of its own; simulate() throws it on.
    if (!failure()) failure() = std::current_exception();
    sc_core::sc_stop();
  }
}

std::exception_ptr& Unit::failure() {
  static std::exception_ptr first;
  return first;
}

}  // namespace triad::kit

/// SystemC's library asks for it, because its own main would call it. Triad has a main and elaborates by itself.
int sc_main(int, char*[]) { return 0; }
