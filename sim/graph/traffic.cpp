#include "sim/graph/traffic.hpp"

#include <algorithm>
#include <set>

#include "sim/graph/movement.hpp"
#include "sim/graph/op.hpp"

namespace triad::graph {
namespace {

/// Elements that a movement reads of its operands; a repeated one once per copy.
std::int64_t read_by_movement(const Graph& graph, const Op& op) {
  std::int64_t sum = 0;
  for (const Copy& copy : movement(graph, op).copies) {
    std::int64_t elements = 1;
    for (std::size_t axis = 0; axis < copy.extents.size(); ++axis) {
      if (copy.source_strides[axis] != 0) elements *= copy.extents[axis];
    }
    sum += elements;
  }
  return sum;
}

}  // namespace

Traffic traffic(const Graph& graph, const Op& op) {
  Traffic sum;
  if (family(op) == Family::view) return sum;
  for (const TensorId output : op.outputs) sum.written_bytes += graph.tensor(output).bytes();
  if (family(op) == Family::movement) {
    sum.read_bytes = read_by_movement(graph, op) * numerics::bytes_of(graph.tensor(op.inputs[0]).format);
  } else if (op.kind == OpKind::gather) {
    sum.read_bytes = graph.tensor(op.inputs[1]).bytes() + sum.written_bytes;
  } else {
    for (const TensorId input : std::set<TensorId>(op.inputs.begin(), op.inputs.end())) {
      sum.read_bytes += graph.tensor(input).bytes();
    }
  }
  return sum;
}

}  // namespace triad::graph
