#pragma once
#include <functional>
#include <vector>

#include "models/kit/unit.hpp"
#include "sim/device/job.hpp"

namespace triad::kit {

/// Sets the simulation's time resolution (1 fs). Before the first SystemC object of the process.
void begin_elaboration();

/// Runs until `finished()` is true and nothing is pending. Throws device::Fault with who waits for whom when nothing is
/// pending while work is outstanding (deadlock), and when `options.max_cycles` of `clock` have passed.
void simulate(const std::vector<const Unit*>& units, const Clock& clock, const device::RunOptions& options,
              const std::function<bool()>& finished);

}  // namespace triad::kit
