#pragma once
#include <map>
#include <string>
#include <vector>

#include "sim/device/job.hpp"
#include "sim/device/result.hpp"

/// Runs a job on the host: the answer that devices are held to.
namespace triad::reference {

struct Outcome {
  std::vector<double> loss;  ///< of every step
  device::Weights weights;   ///< final parameters by name
};

/// Executes every step of the job, op by op. Contractions by oneDNN in fp32 (operands of another format widened
/// exactly), element-wise ops in fp32, reductions, softmax and losses summed in fp64 and rounded once to fp32. One
/// thread: the same job gives the same bits on the same machine. Throws std::invalid_argument when the job lacks the
/// value of a parameter, a state or an input.
Outcome run(const device::Job& job);

/// The largest |d - r| / max(|r|, 1e-6) over losses and final weights, d of the device and r of the reference. Infinity
/// where one is NaN or infinite and the other is something else.
/// Throws std::invalid_argument when they hold different numbers of losses or different weights.
double max_error(const device::RunResult& result, const Outcome& reference);

/// The relative error of every final weight tensor in the L2 norm, by name: |d - r|_2 / max(|r|_2, 1e-6). Unlike the
/// error of single elements it stays meaningful where an element is next to zero. Infinity where an element is NaN or
/// infinite and its counterpart is something else; NaN equals NaN.
/// Throws std::invalid_argument when the weights differ in names or shapes.
std::map<std::string, double> weight_errors(const device::RunResult& result, const Outcome& reference);

}  // namespace triad::reference
