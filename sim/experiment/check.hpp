#pragma once
#include "sim/device/job.hpp"
#include "sim/device/result.hpp"

/// `--check`: a device's losses and final weights against those of the host reference.
namespace triad::experiment {

/// Holds every loss and every final weight and output tensor to device::tolerance. Where one is beyond it, to four
/// times what the reference itself comes off by when initial parameters change by a millionth (the largest of four
/// such runs), where that is more (of a loss a fifth at the most, and never of the first one): a gradient that is zero
/// but for rounding, as that of the keys' bias in attention or of a bias before batch norm, has no right value, and
/// Adam makes a whole step of it.
///
/// Sets max_error_vs_reference and ill_conditioned, which names what was accepted so. Throws device::Fault naming the
/// first loss or tensor beyond what is accepted.
void check(device::RunResult& result, const device::RunResult& expected, const device::Job& job);

}  // namespace triad::experiment
