#include "sim/reference/fold.hpp"

#include <algorithm>

#include "sim/reference/reference.hpp"

namespace triad::reference {
namespace {

using graph::Op;
using graph::Role;
using graph::TensorId;

constexpr std::int64_t small_bytes = 64 << 10;

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

/// Which ops depend on constants alone.
std::vector<bool> constant_ops(const graph::Graph& graph) {
  const bool forward_only = graph.updates.empty();
  std::vector<bool> constant;
  for (const graph::Tensor& tensor : graph.tensors) {
    constant.push_back(tensor.role == Role::constant || (forward_only && tensor.role == Role::parameter));
  }
  std::vector<bool> result;
  for (const Op& op : graph.ops) {
    result.push_back(std::ranges::all_of(op.inputs, [&](TensorId id) { return constant[at(id)]; }));
    for (const TensorId id : op.outputs) constant[at(id)] = result.back();
  }
  return result;
}

bool too_large(const graph::Graph& graph, const Op& op) {
  std::int64_t read = 0, made = 0;
  for (const TensorId id : op.inputs) read += graph.tensor(id).bytes();
  for (const TensorId id : op.outputs) made += graph.tensor(id).bytes();
  return made > std::max(read, small_bytes);
}

}  // namespace

void fold_constants(device::Job& job) {
  graph::Graph& graph = job.graph;
  std::vector<bool> read(graph.tensors.size(), false);  // by any op
  for (const Op& op : graph.ops) {
    for (const TensorId id : op.inputs) read[at(id)] = true;
  }
  const auto is_result = [&](TensorId id) {
    return id == graph.loss || (graph.loss < 0 && !read[at(id)]) ||
           std::ranges::find(graph.updates, id, &graph::Graph::Update::updated) != graph.updates.end();
  };

  // From the last op back: what a remaining op reads becomes a constant, or its op remains as well.
  const std::vector<bool> constant = constant_ops(graph);
  std::vector<bool> remains(graph.ops.size(), true), wanted(graph.tensors.size(), false);
  std::vector<TensorId> folded;
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    const Op& op = graph.ops[i];
    const bool is_read = std::ranges::any_of(op.outputs, [&](TensorId id) { return wanted[at(id)]; });
    if (constant[i] && std::ranges::none_of(op.outputs, is_result) && !(is_read && too_large(graph, op))) {
      remains[i] = false;
      for (const TensorId id : op.outputs) {
        if (wanted[at(id)]) folded.push_back(id);
      }
      continue;
    }
    for (const TensorId id : op.inputs) wanted[at(id)] = true;
  }
  std::ranges::sort(folded);
  if (job.values) {
    std::vector<device::HostTensor> values = evaluate(job, folded);
    for (std::size_t i = 0; i < folded.size(); ++i) job.initial[folded[i]] = std::move(values[i]);
  }
  for (const TensorId id : folded) graph.tensors[at(id)].role = Role::constant;
  std::vector<Op> ops;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    if (remains[i]) ops.push_back(graph.ops[i]);
  }
  graph.replace_ops(std::move(ops));
}

}  // namespace triad::reference
