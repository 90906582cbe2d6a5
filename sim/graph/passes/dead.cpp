#include <algorithm>

#include "sim/graph/passes.hpp"

namespace triad::graph {

Graph without_dead_ops(const Graph& graph) {
  std::vector<bool> needed(graph.tensors.size(), false);
  const auto need = [&](TensorId id) { needed[static_cast<std::size_t>(id)] = true; };
  if (graph.loss >= 0) need(graph.loss);
  for (const Graph::Update& update : graph.updates) need(update.updated);
  for (const TensorId id : graph.results()) need(id);
  std::vector<Op> alive;
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    const Op& op = graph.ops[i];
    if (std::ranges::none_of(op.outputs, [&](TensorId id) { return needed[static_cast<std::size_t>(id)]; })) continue;
    for (const TensorId input : op.inputs) need(input);
    alive.push_back(op);
  }
  std::ranges::reverse(alive);
  Graph result = graph;
  result.replace_ops(std::move(alive));
  return result;
}

}  // namespace triad::graph
