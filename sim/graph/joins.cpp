#include "sim/graph/joins.hpp"

#include <algorithm>

#include "sim/graph/ops/tables.hpp"

namespace triad::graph {
namespace {

/// A Wᵀ of two matrices.
bool is_product(const Graph& graph, const Op& op) {
  return op.kind == OpKind::matmul && !op.flag("transpose_a") && op.flag("transpose_b") &&
         graph.tensor(op.inputs[0]).shape.size() == 2;
}

TensorId rows_of_all(Graph& graph, const std::string& name, const std::vector<TensorId>& parts) {
  return ops::append(graph, OpKind::concat, name, parts, {{"axis", std::int64_t{0}}});
}

}  // namespace

bool Slices::take(const Graph& graph, const Op& op, TensorId gradient) {
  if (op.kind != OpKind::slice || gradient == -1) return false;
  const Shape& whole = graph.tensor(op.inputs[0]).shape;
  const auto &begin = op.integers("begin"), &end = op.integers("end"), &step = op.integers("step");
  std::size_t axis = whole.size();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (step[i] != 1) return false;
    if (begin[i] == 0 && end[i] == whole[i]) continue;
    if (axis != whole.size()) return false;
    axis = i;
  }
  if (axis == whole.size()) return false;
  parts_[op.inputs[0]].push_back({axis, begin[axis], end[axis], gradient});
  return true;
}

std::vector<TensorId> Slices::join(Graph& graph, TensorId tensor) {
  const auto found = parts_.find(tensor);
  if (found == parts_.end()) return {};
  std::vector<Part> parts = std::move(found->second);
  parts_.erase(found);
  std::ranges::stable_sort(parts, {}, [](const Part& part) { return std::pair(part.axis, part.begin); });
  std::vector<TensorId> result;
  while (!parts.empty()) {
    // A run: from the first part left, each next one that begins where the one before ends.
    std::vector<Part> run, rest;
    for (const Part& part : parts) {
      const bool next = run.empty() || (part.axis == run[0].axis && part.begin == run.back().end);
      (next ? run : rest).push_back(part);
    }
    result.push_back(whole(graph, tensor, run));
    parts = std::move(rest);
  }
  return result;
}

TensorId Slices::whole(Graph& graph, TensorId tensor, const std::vector<Part>& run) {
  const std::string name = ops::gradient_name(graph, tensor);
  const Shape shape = graph.tensor(tensor).shape;
  const std::size_t axis = run[0].axis;
  std::vector<TensorId> gradients;
  for (const Part& part : run) gradients.push_back(part.gradient);
  TensorId joined = gradients[0];
  if (gradients.size() > 1) {
    joined = ops::append(graph, OpKind::concat, name, gradients, {{"axis", static_cast<std::int64_t>(axis)}});
  }
  if (run[0].begin == 0 && run.back().end == shape[axis]) return joined;
  std::vector<std::int64_t> none(shape.size(), 0), before = none, after = none;
  before[axis] = run[0].begin;
  after[axis] = shape[axis] - run.back().end;
  return ops::append(graph, OpKind::pad, name, {joined}, {{"before", before}, {"after", after}, {"interior", none}});
}

Products::Products(const Graph& graph) : uses_(graph.tensors.size(), 0) {
  for (const Op& op : graph.ops) {
    if (is_product(graph, op)) ++uses_[static_cast<std::size_t>(op.inputs[1])];
  }
}

bool Products::take(const Op& op, TensorId gradient) {
  if (op.kind != OpKind::matmul || op.flag("transpose_a") || !op.flag("transpose_b") || gradient == -1) return false;
  if (uses_[static_cast<std::size_t>(op.inputs[1])] < 2) return false;
  parts_[op.inputs[1]].push_back({op.inputs[0], gradient});
  return true;
}

TensorId Products::join(Graph& graph, TensorId tensor) {
  const auto found = parts_.find(tensor);
  if (found == parts_.end()) return -1;
  std::vector<TensorId> rows, gradients;
  for (const Part& part : found->second) {
    rows.push_back(part.rows);
    gradients.push_back(ops::as_format(graph, part.gradient, graph.tensor(part.rows).format));
  }
  parts_.erase(found);
  const std::string name = ops::gradient_name(graph, tensor);
  const TensorId a = rows.size() == 1 ? rows[0] : rows_of_all(graph, name + ".rows", rows);
  const TensorId dc = gradients.size() == 1 ? gradients[0] : rows_of_all(graph, name + ".results", gradients);
  return ops::append(graph, OpKind::matmul, name, {dc, a}, {{"transpose_a", true}, {"transpose_b", false}});
}

}  // namespace triad::graph
