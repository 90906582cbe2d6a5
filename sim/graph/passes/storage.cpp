#include <fmt/format.h>

#include <numeric>
#include <stdexcept>

#include "sim/graph/passes.hpp"

namespace triad::graph {
namespace {

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

}  // namespace

std::vector<TensorId> storages(const Graph& graph) {
  const std::size_t count = graph.tensors.size();
  std::vector<TensorId> root(count);  // through views
  std::iota(root.begin(), root.end(), 0);
  for (const Op& op : graph.ops) {
    if (family(op) == Family::view) root[at(op.outputs[0])] = root[at(op.inputs[0])];
  }
  std::vector<std::size_t> maker(count, graph.ops.size());
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    for (const TensorId output : graph.ops[i].outputs) maker[at(output)] = i;
  }
  std::vector<TensorId> storage(count, -1);                    // of roots
  std::vector<std::size_t> replaced(count, graph.ops.size());  // of persistent tensors: the op that makes the new value
  for (const auto& [persistent, updated] : graph.updates) {
    const TensorId value = root[at(updated)];
    if (graph.tensor(value).role != Role::activation || storage[at(value)] != -1) {
      throw std::logic_error(fmt::format("{}: {} cannot replace it, it is the value of another tensor",
                                         graph.tensor(persistent).name, graph.tensor(updated).name));
    }
    storage[at(value)] = persistent;
    replaced[at(persistent)] = maker[at(value)];
  }
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    for (const TensorId input : graph.ops[i].inputs) {
      const TensorId read = root[at(input)];
      if (i > replaced[at(read)] && family(graph.ops[i]) != Family::view) {
        throw std::logic_error(fmt::format("{} reads {} after {} has made its new value", graph.ops[i].name,
                                           graph.tensor(read).name, graph.ops[replaced[at(read)]].name));
      }
    }
  }
  std::vector<TensorId> result(count);
  for (std::size_t id = 0; id < count; ++id) {
    const TensorId own = root[id];
    result[id] = storage[at(own)] == -1 ? own : storage[at(own)];
  }
  return result;
}

}  // namespace triad::graph
