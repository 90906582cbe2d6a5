#pragma once
#include "models/tpu/units/boxes.hpp"

namespace triad::tpu {

/// What a formula instruction computes: plain fp32 operations, each rounded to nearest even, subnormals kept, the
/// canonical NaN. Sums over rows are made by numerics::lane_sum when the last axis is reduced, in row-major order of
/// the reduced axes; otherwise as one chain from +0 in that order.
std::vector<BoxResult> evaluate(const Vector& instruction, int lanes, const kit::Scratchpad& vmem);

}  // namespace triad::tpu
