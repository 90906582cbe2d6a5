#pragma once
#include "models/kit/scratchpad.hpp"
#include "models/tpu/isa.hpp"

namespace triad::tpu {

/// Rows of planes before they are written, [planes, rows, width].
struct PlanesResult {
  Planes place;
  std::int64_t planes;
  std::vector<float> values;
};
void write_planes(kit::Scratchpad& vmem, const PlanesResult& result);

/// Pooling and its gradients. A maximum is NaN if an element of the window is, and the first of the largest; sums are
/// made in row-major order of the window, or, of a gradient, of the windows; times 1 / size at the end.
std::vector<PlanesResult> evaluate(const Window& instruction, const kit::Scratchpad& vmem);

}  // namespace triad::tpu
