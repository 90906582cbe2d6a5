#pragma once
#include "models/kit/scratchpad.hpp"
#include "models/tpu/isa.hpp"

namespace triad::tpu {

/// The elements of a box on chip as fp32, row-major over the axes along which its strides are not 0: bf16 widened, int8
/// and int32 converted.
std::vector<float> read_box(const kit::Scratchpad& vmem, const Place& place, const graph::Shape& extents);

/// A result of an instruction, before it is written: the elements of a box in its format, row-major over the axes along
/// which its strides are not 0.
struct BoxResult {
  Place place;
  graph::Shape extents;
  std::vector<float> values;
};
void write_box(kit::Scratchpad& vmem, const BoxResult& result);

/// What a formula instruction computes: plain fp32 operations, each rounded to nearest even, subnormals kept, the
/// canonical NaN. Sums over rows are made by numerics::lane_sum when the last axis is reduced, in row-major order of
/// the reduced axes; otherwise as one chain from +0 in that order.
std::vector<BoxResult> evaluate(const Vector& instruction, int lanes, const kit::Scratchpad& vmem);

}  // namespace triad::tpu
