#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "sim/device/job.hpp"
#include "sim/device/result.hpp"

/// Runs a job on the host: the answer that devices are held to.
namespace triad::reference {

struct Outcome {
  std::vector<double> loss;  ///< of every step
  device::Weights weights;   ///< final parameters by name
  device::Weights outputs;   ///< of a graph without a loss: its results (read by no op, updating nothing) in the last
                             ///< step, by name
};

/// Executes every step of the job, op by op. Contractions by oneDNN in fp32 (bf16 and fp16 operands widened exactly) or
/// exact integers (int8); formulas in fp32 steps with row sums in fp64, rounded once to fp32. The same job gives the
/// same bits on the same machine, whatever the number of its cores. Constants and states that the job does not give
/// have the value Tensor::fill everywhere. Throws std::invalid_argument when the job has no values, lacks that of a
/// parameter or an input, or gives a class or an index that does not exist.
Outcome run(const device::Job& job);

/// Executes what the `wanted` tensors depend on once, with the job's initial values and the batch of `step`, and
/// returns their values in that order. Throws as `run` does.
std::vector<device::HostTensor> evaluate(const device::Job& job, std::span<const graph::TensorId> wanted, int step = 0);

/// The largest |d - r| / max(|r|, 1e-6) over losses, final weights and outputs, d of the device and r of the reference.
/// Infinity where one is NaN or infinite and the other is something else. Throws std::invalid_argument when they hold
/// different numbers of losses or different weights or outputs.
double max_error(const device::RunResult& result, const Outcome& reference);

/// The relative error of every final weight and output tensor in the L2 norm, by name: |d - r|_2 / max(|r|_2, 1e-6).
/// Unlike the error of single elements it stays meaningful where an element is next to zero. Infinity where an element
/// is NaN or infinite and its counterpart is something else; NaN equals NaN. Throws std::invalid_argument when the
/// tensors differ in names or shapes.
std::map<std::string, double> weight_errors(const device::RunResult& result, const Outcome& reference);

}  // namespace triad::reference
