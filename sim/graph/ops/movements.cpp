#include <algorithm>
#include <numeric>

#include "sim/graph/movement.hpp"
#include "sim/graph/ops/tables.hpp"

/// Movement: ops that put elements elsewhere, of any format.
namespace triad::graph::ops {
namespace {

using Integers = std::vector<std::int64_t>;

void per_axis(const Tensor& input, const Attributes& attributes, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (integers(attributes, key).size() != input.shape.size()) {
      reject("'{}' {} must have one number per axis of {}", key, to_string(integers(attributes, key)), describe(input));
    }
  }
}

std::vector<Tensor> reshape_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  const Shape& shape = integers(attributes, "shape");
  if (elements(shape) != elements(inputs[0].shape)) {
    reject("{} has {} elements, {} has {}", describe(inputs[0]), elements(inputs[0].shape), to_string(shape),
           elements(shape));
  }
  return {made(shape, inputs[0].format)};
}

std::vector<Tensor> transpose_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  per_axis(inputs[0], attributes, {"permutation"});
  const Integers& permutation = integers(attributes, "permutation");
  Integers sorted = permutation, axes(permutation.size());
  std::ranges::sort(sorted);
  std::iota(axes.begin(), axes.end(), 0);
  if (sorted != axes) reject("{} is not a permutation of the axes of {}", to_string(permutation), describe(inputs[0]));
  Shape shape;
  for (const std::int64_t axis : permutation) shape.push_back(inputs[0].shape[static_cast<std::size_t>(axis)]);
  return {made(shape, inputs[0].format)};
}

std::vector<Tensor> slice_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  per_axis(inputs[0], attributes, {"begin", "end", "step"});
  const Integers &begin = integers(attributes, "begin"), &end = integers(attributes, "end"),
                 &step = integers(attributes, "step");
  Shape shape;
  for (std::size_t axis = 0; axis < begin.size(); ++axis) {
    if (begin[axis] < 0 || begin[axis] >= end[axis] || end[axis] > inputs[0].shape[axis] || step[axis] < 1) {
      reject("[{}, {}) in steps of {} along axis {} of {}: must not be empty nor reach beyond it", begin[axis],
             end[axis], step[axis], axis, describe(inputs[0]));
    }
    shape.push_back((end[axis] - begin[axis] + step[axis] - 1) / step[axis]);
  }
  return {made(shape, inputs[0].format)};
}

std::vector<Tensor> concat_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, inputs.size());
  const std::int64_t axis = integer(attributes, "axis");
  if (inputs.empty() || axis < 0 || axis >= static_cast<std::int64_t>(inputs[0].shape.size())) {
    reject("axis {} is none of the first operand's", axis);
  }
  Shape shape = inputs[0].shape;
  for (const Tensor& input : inputs.subspan(1)) {
    expect_format(input, inputs[0].format);
    Shape rest = input.shape;
    if (rest.size() == shape.size()) rest[static_cast<std::size_t>(axis)] = shape[static_cast<std::size_t>(axis)];
    if (rest != shape) {
      reject("{} and {} may differ along axis {} only", describe(inputs[0]), describe(input), axis);
    }
    shape[static_cast<std::size_t>(axis)] += input.shape[static_cast<std::size_t>(axis)];
  }
  return {made(shape, inputs[0].format)};
}

std::vector<Tensor> pad_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  per_axis(inputs[0], attributes, {"before", "after", "interior"});
  number(attributes, "value");
  Shape shape;
  for (std::size_t axis = 0; axis < inputs[0].shape.size(); ++axis) {
    const std::int64_t n = inputs[0].shape[axis], between = integers(attributes, "interior")[axis];
    if (between < 0) reject("interior {} must not be negative", between);
    shape.push_back(integers(attributes, "before")[axis] + n + (n - 1) * between + integers(attributes, "after")[axis]);
    if (shape.back() < 1) reject("nothing is left of axis {} of {}", axis, describe(inputs[0]));
  }
  return {made(shape, inputs[0].format)};
}

std::vector<Tensor> broadcast_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  broadcast_strides(inputs[0].shape, integers(attributes, "shape"));
  return {made(integers(attributes, "shape"), inputs[0].format)};
}

std::vector<TensorId> reshape_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  const Shape shape = graph.tensor(op.inputs[0]).shape;
  return {append(graph, OpKind::reshape, gradient_name(graph, op.inputs[0]), {outputs[0]}, {{"shape", shape}})};
}
std::vector<TensorId> transpose_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  const Integers& permutation = op.integers("permutation");
  Integers inverse(permutation.size());
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    inverse[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
  }
  return {
      append(graph, OpKind::transpose, gradient_name(graph, op.inputs[0]), {outputs[0]}, {{"permutation", inverse}})};
}
/// Zero where nothing was taken.
std::vector<TensorId> slice_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  const Shape input = graph.tensor(op.inputs[0]).shape, output = graph.tensor(op.outputs[0]).shape;
  const Integers &begin = op.integers("begin"), &step = op.integers("step");
  Integers after, interior;
  for (std::size_t axis = 0; axis < input.size(); ++axis) {
    interior.push_back(step[axis] - 1);
    after.push_back(input[axis] - begin[axis] - ((output[axis] - 1) * step[axis] + 1));
  }
  return {append(graph, OpKind::pad, gradient_name(graph, op.inputs[0]), {outputs[0]},
                 {{"before", begin}, {"after", after}, {"interior", interior}})};
}
std::vector<TensorId> concat_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const Shape whole = graph.tensor(op.outputs[0]).shape;
  const auto axis = static_cast<std::size_t>(op.integer("axis"));
  std::vector<TensorId> result;
  Integers begin(whole.size(), 0), end = whole;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    end[axis] = begin[axis] + graph.tensor(op.inputs[i]).shape[axis];
    result.push_back(wanted[i] ? append(graph, OpKind::slice, gradient_name(graph, op.inputs[i]), {outputs[0]},
                                        {{"begin", begin}, {"end", end}, {"step", Integers(whole.size(), 1)}})
                               : -1);
    begin[axis] = end[axis];
  }
  return result;
}
std::vector<TensorId> pad_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  const Shape input = graph.tensor(op.inputs[0]).shape, output = graph.tensor(op.outputs[0]).shape;
  Integers begin, end, step;
  for (std::size_t axis = 0; axis < input.size(); ++axis) {
    const std::int64_t before = op.integers("before")[axis];
    if (before < 0 || op.integers("after")[axis] < 0) {
      throw std::invalid_argument(op.name + ": a pad that cuts has no gradient");
    }
    step.push_back(op.integers("interior")[axis] + 1);
    begin.push_back(before);
    end.push_back(before + (input[axis] - 1) * step.back() + 1);
  }
  return {append(graph, OpKind::slice, gradient_name(graph, op.inputs[0]), {outputs[0]},
                 {{"begin", begin}, {"end", end}, {"step", step}})};
}
std::vector<TensorId> broadcast_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {reduce_to(graph, outputs[0], op.inputs[0])};
}

OpDefinition entry(OpKind kind, const char* name, std::vector<std::string> required, Attributes defaults,
                   std::vector<Tensor> (*infer)(Operands, const Attributes&), GradientRule gradient) {
  return {kind, name, Family::movement, std::move(required), std::move(defaults), infer, {}, std::move(gradient)};
}

}  // namespace

std::vector<OpDefinition> movements() {
  OpDefinition reshape = entry(OpKind::reshape, "reshape", {"shape"}, {}, reshape_result, reshape_gradient);
  reshape.family = Family::view;
  return {
      reshape,
      entry(OpKind::transpose, "transpose", {"permutation"}, {}, transpose_result, transpose_gradient),
      entry(OpKind::slice, "slice", {"begin", "end", "step"}, {}, slice_result, slice_gradient),
      entry(OpKind::concat, "concat", {"axis"}, {}, concat_result, concat_gradient),
      entry(OpKind::pad, "pad", {"before", "after", "interior"}, {{"value", 0.0}}, pad_result, pad_gradient),
      entry(OpKind::broadcast, "broadcast", {"shape"}, {}, broadcast_result, broadcast_gradient),
  };
}

}  // namespace triad::graph::ops
