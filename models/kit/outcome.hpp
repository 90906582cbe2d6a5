#pragma once
#include "sim/activity/recorder.hpp"
#include "sim/activity/technology.hpp"
#include "sim/device/job.hpp"
#include "sim/device/result.hpp"

namespace triad::kit {

/// The technology that a device's configuration names: `technology: 7nm` -> configs/technology/7nm.yaml.
activity::Technology load_technology(const config::Node& device);

/// A clock of a configuration in whole hertz, rounded to the nearest. Throws config::Error outside 1 kHz .. 1 THz:
/// edges are told apart in femtoseconds.
std::uint64_t read_clock(const config::Node& clock);

/// Fills in all that the record of a finished run tells: length, units with their cycle stacks (and "static", the power
/// that is always drawn), ops of the last step, what bounds them, energy and power, lanes. `result.clock_hz` must be
/// set. `executed`: the job's graph as the device runs it (after fusion), whose ops the record speaks of.
void fill(device::RunResult& result, const activity::Recorder& recorder, const device::Job& job,
          const graph::Graph& executed);

}  // namespace triad::kit
