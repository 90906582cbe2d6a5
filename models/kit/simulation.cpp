#include "models/kit/simulation.hpp"

#include <fmt/core.h>

#include "sim/device/device.hpp"

namespace triad::kit {

void begin_elaboration() {
  sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
}

void simulate(const std::vector<const Unit*>& units, const Clock& clock, const device::RunOptions& options,
              const std::function<bool()>& finished) {
  Agenda& agenda = Agenda::current();
  bound(agenda, clock, options);
  agenda.on_rest([] { sc_core::sc_pause(); });
  if (!agenda.begun()) agenda.begin();
  sc_core::sc_start();
  demand_finished(agenda, units, clock, options, finished());
}

void bound(Agenda& agenda, const Clock& clock, const device::RunOptions& options) {
  if (options.max_cycles != 0) agenda.bound(clock.time_of(options.max_cycles));
}

void demand_finished(const Agenda& agenda, const std::vector<const Unit*>& units, const Clock& clock,
                     const device::RunOptions& options, bool finished) {
  if (agenda.failure()) std::rethrow_exception(agenda.failure());
  if (finished) return;
  if (agenda.cut_short()) {
    throw device::Fault(
        fmt::format("stopped after {} cycles (--max-cycles) with work outstanding", options.max_cycles));
  }
  std::string waiting;
  for (const Unit* unit : units) {
    const std::string why = unit->waits_for();
    if (!why.empty()) waiting += fmt::format("\n  {}: {}", unit->name(), why);
  }
  throw device::Fault(fmt::format("deadlock at cycle {}: nothing is pending while work is outstanding{}",
                                  clock.at(agenda.now()), waiting));
}

}  // namespace triad::kit
