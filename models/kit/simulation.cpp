#include "models/kit/simulation.hpp"

#include <fmt/core.h>

#include "sim/device/device.hpp"

namespace triad::kit {

void begin_elaboration() {
  sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  // "Simulation stopped by user", on the standard output.
  sc_core::sc_report_handler::set_actions("/OSCI/SystemC", sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
}

void simulate(const std::vector<const Unit*>& units, const Clock& clock, const device::RunOptions& options,
              const std::function<bool()>& finished) {
  if (options.max_cycles == 0) {
    sc_core::sc_start();
    if (Unit::failure()) std::rethrow_exception(Unit::failure());
  } else {
    // SystemC leaves what happens at the limit itself undone; a run of exactly max_cycles ends at that edge.
    const Time limit = clock.time_of(options.max_cycles) + 1;
    // Not SC_RUN_TO_TIME: a run that ends before the limit ends at its own time.
    sc_core::sc_start(sc_core::sc_time::from_value(limit), sc_core::SC_EXIT_ON_STARVATION);
    if (Unit::failure()) std::rethrow_exception(Unit::failure());
    if (!finished() && sc_core::sc_pending_activity()) {
      throw device::Fault(
          fmt::format("stopped after {} cycles (--max-cycles) with work outstanding", options.max_cycles));
    }
  }
  if (finished()) return;
  std::string waiting;
  for (const Unit* unit : units) {
    const std::string why = unit->waits_for();
    if (!why.empty()) waiting += fmt::format("\n  {}: {}", unit->name(), why);
  }
  throw device::Fault(
      fmt::format("deadlock at cycle {}: nothing is pending while work is outstanding{}", clock.at(now()), waiting));
}

}  // namespace triad::kit
