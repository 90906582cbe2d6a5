#pragma once
#include <vector>

#include "sim/experiment/machine.hpp"
#include "sim/report/support_report.hpp"

namespace triad::experiment {

/// Asks every machine's own lowering about every example of every op (graph::examples), in the op's phase and, where it
/// is differentiated, about the ops of its gradient in the backward phase. Nothing is simulated.
std::vector<report::Support> support(const std::vector<Machine>& machines);

}  // namespace triad::experiment
