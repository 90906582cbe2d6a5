#pragma once
#include "sim/device/job.hpp"

/// Constant folding: a pass that needs values, and so lives with what computes them.
namespace triad::reference {

/// Executes once, on the host, what depends on constants alone, and replaces it: tensors that the remaining ops read
/// become Role::constant with their values in Job.initial (a job without values: without). In a forward-only job, one
/// without updates, parameters are constants too: casts, transpositions and quantisations of weights are done once.
///
/// Left alone are the loss and the results of the graph, and an op whose result would be larger than its operands and
/// than 64 KiB (a broadcast): memory would be wasted for what is soon computed. Tensor ids stay valid.
void fold_constants(device::Job& job);

}  // namespace triad::reference
