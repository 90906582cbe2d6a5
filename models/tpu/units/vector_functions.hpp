#pragma once
#include <vector>

#include "models/tpu/isa.hpp"

namespace triad::tpu {

/// The vector unit's functions on values (README.md, "vector unit"): plain fp32 additions and multiplications, rounded
/// to nearest even, subnormals kept, the canonical NaN. Values of blocks are row-major; int32 class numbers stand as
/// they are in `classes`.
struct VectorValues {
  std::vector<std::vector<float>> inputs;
  std::vector<std::int32_t> classes;        ///< the second input of cross_entropy and its gradient
  std::vector<std::vector<float>> outputs;  ///< in: what the outputs hold (accumulate); out: the results
};
void evaluate(const Vector& instruction, int lanes, VectorValues& values);

/// Lane operations that the function's microcode does per element of its largest operand; README.md has the table.
int operations_per_element(graph::OpKind function);
/// Does the function end in a tree over the lanes?
bool ends_in_tree(graph::OpKind function);

}  // namespace triad::tpu
