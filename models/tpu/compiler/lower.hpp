#pragma once
#include "models/tpu/compiler/emitter.hpp"

namespace triad::tpu {

/// C[m,n] = A[m,k] B[k,n] on the matrix units: tiles of at most what on-chip memory holds; inside a tile, columns in
/// blocks of C go round the matrix units, k in blocks of R is accumulated in ascending order, an fp32 product in six
/// passes each.
void lower_matmul(Emitter& emitter, const graph::Op& op);

/// Every other op: instructions of the vector unit over tiles. Throws device::Unsupported naming the op.
void lower_vector(Emitter& emitter, const graph::Op& op);

/// Lowers the job's graph: one training step. Throws device::Unsupported naming op and reason.
std::vector<Instruction> compile(const Parameters& parameters, const device::Job& job);

}  // namespace triad::tpu
