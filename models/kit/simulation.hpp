#pragma once
#include <functional>
#include <vector>

#include "models/kit/unit.hpp"
#include "sim/device/job.hpp"

namespace triad::kit {

/// Sets SystemC's time resolution to 1 fs, once a process and before its first time object. Machines do not need it:
/// it is for what is to be seen of them in SystemC's own time.
void begin_elaboration();

/// Runs the current agenda until nothing is left to do, and holds SystemC there (sc_pause), whoever else has something
/// to do. Throws device::Fault as `demand_finished` does.
void simulate(const std::vector<const Unit*>& units, const Clock& clock, const device::RunOptions& options,
              const std::function<bool()>& finished);

/// Sets the bound of `options.max_cycles` of `clock`: what falls on that edge is still done.
void bound(Agenda& agenda, const Clock& clock, const device::RunOptions& options);

/// The machine is at rest: throws the failure of a step if there was one, device::Fault when it is not finished
/// because the bound has come or, with who waits for whom, because nothing is pending while work is outstanding
/// (deadlock).
void demand_finished(const Agenda& agenda, const std::vector<const Unit*>& units, const Clock& clock,
                     const device::RunOptions& options, bool finished);

}  // namespace triad::kit
