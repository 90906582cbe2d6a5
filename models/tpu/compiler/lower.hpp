#pragma once
#include <functional>

#include "models/tpu/compiler/emitter.hpp"

namespace triad::tpu {

// Each lowers one op, or throws device::Unsupported naming it.

/// Batched C[m,n] = A[m,k] B[k,n] on the matrix units: tiles of at most what on-chip memory holds; inside a tile,
/// shares of C columns (and, where these are few, of rows) go round the matrix units, k in blocks of R is accumulated
/// in ascending order, an fp32 product in six passes each.
void lower_matmul(Emitter& emitter, const graph::Op& op);

/// Convolution and its gradients as products; the windows are made by the address generators of the matrix units from
/// plain tiles on chip.
void lower_convolution(Emitter& emitter, const graph::Op& op);

/// Formulas: boxes of the space through the vector unit; a row that does not fit is passed over once per stage.
void lower_formula(Emitter& emitter, const graph::Op& op);

/// Strided copies through on-chip memory.
void lower_movement(Emitter& emitter, const graph::Op& op);

/// Pooling on the vector unit.
void lower_window(Emitter& emitter, const graph::Op& op);

/// gather by the DMA, scatter_add by the vector unit.
void lower_indexed(Emitter& emitter, const graph::Op& op);

/// One product on the matrix units, of operands that are on chip: result (+)= rows [m, k] weights [k, n]. A result that
/// is accumulated in several calls takes them one after the other.
void emit_product(Emitter& emitter, const Block& rows, const Block& weights, const Block& result, bool accumulate);

/// Visits the boxes of `tile` extents that a space is cut into, in row-major order: visit(origin, extents).
void for_boxes(const graph::Shape& space, const graph::Shape& tile,
               const std::function<void(const graph::Shape& origin, const graph::Shape& extents)>& visit);

/// The vector unit fills a box.
void emit_fill(Emitter& emitter, const Place& place, const graph::Shape& extents, double value);

/// Lowers any op.
void lower_op(Emitter& emitter, const graph::Op& op);

}  // namespace triad::tpu
