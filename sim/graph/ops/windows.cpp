#include "sim/graph/ops/tables.hpp"

/// Pooling over the last two axes of [N, C, H, W].
namespace triad::graph::ops {
namespace {

Shape pooled(const std::string& name, const Shape& input, const Attributes& attributes) {
  const auto &kernel = integers(attributes, "kernel"), &stride = integers(attributes, "stride"),
             &padding = integers(attributes, "padding");
  if (input.size() != 4) reject("{} {} must be [N, C, H, W]", name, to_string(input));
  if (kernel.size() != 2 || stride.size() != 2 || padding.size() != 2) {
    reject("kernel, stride and padding are two numbers each");
  }
  Shape shape = {input[0], input[1]};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t n = input[axis + 2];
    if (kernel[axis] < 1 || stride[axis] < 1 || padding[axis] < 0 || 2 * padding[axis] > kernel[axis]) {
      reject("kernel {}, stride {}, padding {}: from 1, 1 and 0 on, and padding at most half the kernel", kernel[axis],
             stride[axis], padding[axis]);
    }
    if (n + 2 * padding[axis] < kernel[axis]) {
      reject("a window of {} does not fit into {} padded by {}", kernel[axis], n, padding[axis]);
    }
    shape.push_back((n + 2 * padding[axis] - kernel[axis]) / stride[axis] + 1);
  }
  return shape;
}

std::vector<Tensor> pool_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  expect_format(inputs[0], Format::fp32);
  return {made(pooled(inputs[0].name, inputs[0].shape, attributes))};
}
std::vector<Tensor> max_pool_result(Operands inputs, const Attributes& attributes) {
  std::vector<Tensor> result = pool_result(inputs, attributes);
  // `argument` is a place in the plane, held in fp32: exact up to 2^24.
  constexpr std::int64_t most_places = 1 << 24;
  if (inputs[0].shape[2] * inputs[0].shape[3] > most_places) {
    reject("{}: planes of more than {} elements", describe(inputs[0]), most_places);
  }
  result.push_back(made(result[0].shape, Format::fp32, "argument"));
  return result;
}
template <std::size_t operands>
std::vector<Tensor> gradient_result(Operands inputs, const Attributes& attributes) {
  count(inputs, operands, operands);
  const Shape& shape = integers(attributes, "shape");
  const Shape expected = pooled("attribute shape", shape, attributes);
  for (const Tensor& input : inputs) {
    expect_format(input, Format::fp32);
    if (input.shape != expected) reject("{} must be {}", describe(input), to_string(expected));
  }
  return {made(shape)};
}

Attributes with_shape(const Graph& graph, const Op& op) {
  Attributes attributes = op.attributes;
  attributes["shape"] = graph.tensor(op.inputs[0]).shape;
  return attributes;
}
std::vector<TensorId> max_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {append(graph, OpKind::max_pool_grad, gradient_name(graph, op.inputs[0]), {op.outputs[1], outputs[0]},
                 with_shape(graph, op))};
}
std::vector<TensorId> average_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {append(graph, OpKind::average_pool_grad, gradient_name(graph, op.inputs[0]), {outputs[0]},
                 with_shape(graph, op))};
}

}  // namespace

std::vector<OpDefinition> windows() {
  const Attributes none = {{"padding", std::vector<std::int64_t>{0, 0}}};
  Attributes average = none;
  average["include_padding"] = true;
  return {
      {OpKind::max_pool, "max_pool", Family::window, {"kernel", "stride"}, none, max_pool_result, {}, max_gradient},
      {OpKind::max_pool_grad,
       "max_pool_grad",
       Family::window,
       {"kernel", "stride", "shape"},
       none,
       gradient_result<2>,
       {},
       {}},
      {OpKind::average_pool,
       "average_pool",
       Family::window,
       {"kernel", "stride"},
       average,
       pool_result,
       {},
       average_gradient},
      {OpKind::average_pool_grad,
       "average_pool_grad",
       Family::window,
       {"kernel", "stride", "shape"},
       average,
       gradient_result<1>,
       {},
       {}},
  };
}

}  // namespace triad::graph::ops
