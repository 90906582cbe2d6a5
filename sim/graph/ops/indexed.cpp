#include "sim/graph/ops/tables.hpp"

/// Ops that find their rows by index.
namespace triad::graph::ops {
namespace {

std::vector<Tensor> gather_result(Operands inputs, const Attributes&) {
  count(inputs, 2, 2);
  expect_rank(inputs[0], 2, "a table [rows, width]");
  expect_format(inputs[1], Format::int32);
  Shape shape = inputs[1].shape;
  shape.push_back(inputs[0].shape[1]);
  return {made(shape, inputs[0].format)};
}

std::vector<Tensor> scatter_add_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  expect_format(inputs[0], Format::fp32);
  expect_format(inputs[1], Format::int32);
  Shape expected = inputs[1].shape;
  if (inputs[0].shape.empty()) reject("{} must have a width", describe(inputs[0]));
  expected.push_back(inputs[0].shape.back());
  if (inputs[0].shape != expected) {
    reject("{} must be {}: a row per index of {}", describe(inputs[0]), to_string(expected), describe(inputs[1]));
  }
  if (integer(attributes, "rows") < 1) reject("rows {} must be at least 1", integer(attributes, "rows"));
  return {made({integer(attributes, "rows"), expected.back()})};
}

std::vector<TensorId> gather_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  if (!wanted[0]) return {-1, -1};
  return {append(graph, OpKind::scatter_add, gradient_name(graph, op.inputs[0]), {outputs[0], op.inputs[1]},
                 {{"rows", graph.tensor(op.inputs[0]).shape[0]}}),
          -1};
}

}  // namespace

std::vector<OpDefinition> indexed() {
  return {
      {OpKind::gather, "gather", Family::indexed, {}, {}, gather_result, {}, gather_gradient},
      {OpKind::scatter_add, "scatter_add", Family::indexed, {"rows"}, {}, scatter_add_result, {}, {}},
  };
}

}  // namespace triad::graph::ops
