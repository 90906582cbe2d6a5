#include <fmt/format.h>

#include <algorithm>

#include "sim/workload/onnx/operators.hpp"

/// Operators that take parts: gather, slice, split.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;
using Integers = std::vector<std::int64_t>;

/// The input of the model that a tensor of class numbers comes from, by views and copies; or the tensor itself.
TensorId source_of(const graph::Graph& graph, TensorId tensor) {
  for (const graph::Op* made = maker(graph, tensor); made != nullptr; made = maker(graph, tensor)) {
    if (made->inputs.size() != 1) break;
    tensor = made->inputs[0];
  }
  return tensor;
}

/// Numbers that index a table are classes of as many as it has rows.
void bound_classes(Network& network, TensorId indices, std::int64_t rows) {
  const TensorId source = source_of(network.graph, indices);
  for (Feed& feed : network.inputs) {
    if (feed.tensor == source) feed.classes = feed.classes == 0 ? rows : std::min(feed.classes, rows);
  }
}

/// Rows of the first axis by numbers that are tensors of the graph: an embedding.
void gather_rows(N node) {
  Builder& b = node.builder();
  const TensorId table = node.tensor(0), indices = node.tensor(1);
  const Shape of_table = b.shape(table);
  Shape result = b.shape(indices);
  const std::int64_t width = graph::elements(of_table) / of_table[0];
  const TensorId rows = b.reshape(node.of("table"), table, {of_table[0], width});
  bound_classes(b.network(), indices, of_table[0]);
  const TensorId y = b.op(OpKind::gather, node.of("gather"), {rows, indices});
  result.insert(result.end(), of_table.begin() + 1, of_table.end());
  node.deliver(b.reshape(node.of("output"), y, result));
}

/// Does the list count up by one step?
bool counts_up(const Integers& list) {
  if (list.size() < 2) return true;
  const std::int64_t step = list[1] - list[0];
  if (step < 1) return false;
  for (std::size_t i = 1; i < list.size(); ++i) {
    if (list[i] - list[i - 1] != step) return false;
  }
  return true;
}

/// Elements of an axis by numbers: known ones are slices of it.
void gather(N node) {
  const Shape shape = node.shape(0);
  if (shape.empty()) node.fail("the data is a scalar");
  const std::size_t axis = node.axis(node.integer("axis", 0), shape.size());
  const Constant* known = node.known(1);
  if (known == nullptr) {
    if (axis != 0) node.fail("an axis other than 0 needs indices that are known at import");
    return gather_rows(node);
  }
  Integers indices;
  for (std::size_t i = 0; i < static_cast<std::size_t>(known->size()); ++i) {
    const std::int64_t index = known->integer(i);
    if (index < -shape[axis] || index >= shape[axis]) {
      node.fail(fmt::format("index {} of an axis of {}", index, shape[axis]));
    }
    indices.push_back(index < 0 ? index + shape[axis] : index);
  }
  if (indices.empty()) node.fail("no index");
  const auto one = [&](std::int64_t index) { return node.slice(node.value(0), axis, index, index + 1); };
  ValuePtr taken;
  if (counts_up(indices)) {
    const std::int64_t step = indices.size() > 1 ? indices[1] - indices[0] : 1;
    taken = node.slice(node.value(0), axis, indices.front(), indices.back() + 1, step);
  } else if (axis == 0 && indices.size() > 16 && node.known(0) == nullptr) {
    auto list = std::make_shared<Value>();
    list->name = node.of("indices");
    list->constant = std::make_shared<const Constant>(Constant::of_integers(known->shape, indices));
    Builder& b = node.builder();
    const TensorId rows = b.reshape(node.of("table"), node.tensor(0), {shape[0], graph::elements(shape) / shape[0]});
    taken = std::make_shared<Value>();
    taken->tensor = b.op(OpKind::gather, node.of("gather"), {rows, node.tensor(*list)});
  } else {
    std::vector<ValuePtr> parts;
    for (const std::int64_t index : indices) parts.push_back(one(index));
    taken = node.concat(parts, axis);
  }
  Shape result(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis));
  result.insert(result.end(), known->shape.begin(), known->shape.end());
  result.insert(result.end(), shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end());
  node.deliver(node.reshape(taken, result));
}

/// From `start` down to `end`, which is not taken; -extent - 1 and below is the place before the first element.
ValuePtr backwards(N node, const ValuePtr& value, std::size_t axis, std::int64_t start, std::int64_t end,
                   std::int64_t step) {
  const std::int64_t extent = node.shape(*value)[axis];
  const auto place = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? std::max(at, -extent - 1) + extent : at, -1, extent - 1);
  };
  std::vector<ValuePtr> parts;
  for (std::int64_t at = place(start); at > place(end); at += std::max(step, -extent)) {
    parts.push_back(node.slice(value, axis, at, at + 1));
    if (parts.size() > 4096) node.fail("more than 4096 elements backwards");
  }
  if (parts.empty()) node.fail(fmt::format("nothing is left of axis {} of {}", axis, extent));
  return node.concat(parts, axis);
}

/// Attributes up to operator set 9, inputs (starts, ends, axes, steps) from 10 on. Ends beyond the axis are cut.
void slice(N node) {
  const bool by_input = node.has(1);
  const auto read = [&](std::size_t input, const char* key) -> std::optional<Integers> {
    if (!by_input) return node.list(key);
    if (!node.has(input)) return std::nullopt;
    return node.integers(input, key);
  };
  // The attributes of set 9 reach to 2^63 - 1, too.
  const std::optional<Integers> starts = read(1, "starts"), ends = read(2, "ends");
  if (!starts || !ends || starts->size() != ends->size()) node.fail("must have as many starts as ends");
  const std::size_t rank = node.rank(0);
  Integers axes(starts->size());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  axes = read(3, "axes").value_or(axes);
  const Integers steps = (by_input ? read(4, "steps") : std::nullopt).value_or(Integers(axes.size(), 1));
  if (axes.size() != starts->size() || steps.size() != starts->size())
    node.fail("must have an axis and a step per start");
  ValuePtr value = node.value(0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = node.axis(axes[i], rank);
    const std::int64_t extent = node.shape(*value)[axis];
    if (steps[i] == 0) node.fail("a step of 0");
    if (steps[i] < 0) {
      value = backwards(node, value, axis, (*starts)[i], (*ends)[i], steps[i]);
      continue;
    }
    const auto place = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? std::max(at, -extent) + extent : at, 0, extent);
    };
    const std::int64_t begin = place((*starts)[i]), end = place((*ends)[i]);
    if (begin >= end) node.fail(fmt::format("nothing is left of axis {} of {}", axis, extent));
    value = node.slice(value, axis, begin, end, std::min(steps[i], extent));
  }
  node.deliver(value);
}

/// Sizes are an attribute up to operator set 12, an input from 13 on; absent: equal parts.
void split(N node) {
  const Shape shape = node.shape(0);
  const std::size_t axis = node.axis(node.integer("axis", 0), shape.size());
  Integers sizes;
  if (node.has(1)) {
    sizes = node.integers(1, "the sizes");
  } else if (const auto stated = node.list("split")) {
    sizes = *stated;
  } else {
    const auto parts = static_cast<std::int64_t>(node.outputs());
    if (parts < 1 || shape[axis] % parts != 0) node.fail(fmt::format("{} are not {} equal parts", shape[axis], parts));
    sizes.assign(node.outputs(), shape[axis] / parts);
  }
  if (sizes.size() != node.outputs()) node.fail("must have a size per output");
  std::int64_t at = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 1 || sizes[i] > shape[axis] - at) node.fail("the sizes do not make up the axis");
    node.deliver(node.slice(node.value(0), axis, at, at + sizes[i]), i);
    at += sizes[i];
  }
  if (at != shape[axis]) node.fail("the sizes do not make up the axis");
}

}  // namespace

std::vector<Operator> indexing_operators() {
  return {{"Gather", 2, gather}, {"Slice", 1, slice}, {"Split", 1, split}};
}

}  // namespace triad::workload::onnx_import
