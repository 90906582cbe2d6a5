#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/graph/graph.hpp"

/// What transpose, slice, concat, pad and broadcast do, in one form that every device executes: strided copies.
namespace triad::graph {

/// Element i of the target at target_offset + sum of i[d] * target_strides[d] is that of the source at source_offset +
/// sum of i[d] * source_strides[d]. All in elements; a source stride of 0 repeats.
struct Copy {
  int input = 0;  ///< operand of the op
  Shape extents;
  std::int64_t source_offset = 0, target_offset = 0;
  std::vector<std::int64_t> source_strides, target_strides;
};

struct Movement {
  std::optional<double> fill;  ///< the output holds this value wherever no copy writes (pad)
  std::vector<Copy> copies;    ///< their targets do not overlap
};

/// Is this op a movement? (reshape is not: no data moves.)
bool is_movement(OpKind kind);
/// The copies of a movement op, with axes of extent 1 dropped and neighbouring axes merged where the strides allow.
Movement movement(const Graph& graph, const Op& op);

}  // namespace triad::graph
