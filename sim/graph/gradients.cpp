#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "sim/graph/rules.hpp"

/// Gradient rules of the ops. Each builds ordinary ops, so a device that runs forward runs backward. Every gradient is
/// fp32.
namespace triad::graph::rules {
namespace {

/// A name no op of the graph has yet: `wanted`, or with a number behind it.
std::string unique(const Graph& graph, const std::string& wanted) {
  std::string name = wanted;
  for (int n = 2; std::ranges::find(graph.ops, name, &Op::name) != graph.ops.end(); ++n) {
    name = fmt::format("{}.{}", wanted, n);
  }
  return name;
}

/// "fc1.weight.grad" for the gradient of fc1.weight, and of its copies in another format.
std::string gradient_name(const Graph& graph, TensorId id) {
  for (const Op& op : graph.ops) {
    if (op.kind == OpKind::cast && op.outputs[0] == id) return gradient_name(graph, op.inputs[0]);
  }
  return unique(graph, graph.tensor(id).name + ".grad");
}

TensorId append(Graph& graph, OpKind kind, const std::string& name, std::vector<TensorId> inputs,
                Attributes attributes = {}) {
  return graph.add_op(kind, unique(graph, name), std::move(inputs), std::move(attributes), Phase::backward)[0];
}

/// Sums a gradient over the dimensions over which `operand` was broadcast.
TensorId reduce_to(Graph& graph, TensorId gradient, TensorId operand) {
  const Shape shape = graph.tensor(operand).shape;
  if (graph.tensor(gradient).shape == shape) return gradient;
  return append(graph, OpKind::reduce_sum, gradient_name(graph, operand), {gradient},
                {{"keep", static_cast<std::int64_t>(shape.size())}});
}

void expect_root(const Op& op, Gradients outputs) {
  if (outputs[0] != -1) throw std::invalid_argument(fmt::format("{}: a loss must be the root of the graph", op.name));
}

}  // namespace

std::vector<TensorId> matmul_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const TensorId a = op.inputs[0], b = op.inputs[1];
  const bool ta = op.flag("transpose_a"), tb = op.flag("transpose_b");
  TensorId dc = outputs[0];
  // The operands of a contraction have one format: the gradient is rounded to that of the forward pass.
  if (const numerics::Format format = graph.tensor(a).format; format != numerics::Format::fp32) {
    const std::string name = numerics::to_string(format);
    dc = append(graph, OpKind::cast, graph.tensor(dc).name + "." + name, {dc}, {{"format", name}});
  }
  const auto product = [&](TensorId of, TensorId left, bool left_flag, TensorId right, bool right_flag) {
    return append(graph, OpKind::matmul, gradient_name(graph, of), {left, right},
                  {{"transpose_a", left_flag}, {"transpose_b", right_flag}});
  };
  // C = A B: dA = dC Bᵀ, dB = Aᵀ dC; of a transposed operand the transpose of that.
  TensorId da = -1, db = -1;
  if (wanted[0]) da = ta ? product(a, b, tb, dc, true) : product(a, dc, false, b, !tb);
  if (wanted[1]) db = tb ? product(b, dc, true, a, ta) : product(b, a, !ta, dc, false);
  return {da, db};
}

std::vector<TensorId> add_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  return {wanted[0] ? outputs[0] : -1, wanted[1] ? reduce_to(graph, outputs[0], op.inputs[1]) : -1};
}

std::vector<TensorId> subtract_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  TensorId db = -1;
  if (wanted[1]) {
    const TensorId sum = reduce_to(graph, outputs[0], op.inputs[1]);
    db = append(graph, OpKind::scale, gradient_name(graph, op.inputs[1]), {sum}, {{"factor", -1.0}});
  }
  return {wanted[0] ? outputs[0] : -1, db};
}

std::vector<TensorId> multiply_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const TensorId a = op.inputs[0], b = op.inputs[1];
  TensorId da = -1, db = -1;
  if (wanted[0]) da = append(graph, OpKind::multiply, gradient_name(graph, a), {outputs[0], b});
  if (wanted[1]) {
    const TensorId product = append(graph, OpKind::multiply, gradient_name(graph, b), {outputs[0], a});
    db = reduce_to(graph, product, b);
  }
  return {da, db};
}

std::vector<TensorId> scale_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  if (!wanted[0]) return {-1};
  return {append(graph, OpKind::scale, gradient_name(graph, op.inputs[0]), {outputs[0]},
                 {{"factor", op.number("factor")}})};
}

std::vector<TensorId> relu_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  if (!wanted[0]) return {-1};
  return {append(graph, OpKind::relu_grad, gradient_name(graph, op.inputs[0]), {op.outputs[0], outputs[0]})};
}

std::vector<TensorId> reduce_sum_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  if (!wanted[0]) return {-1};
  return {append(graph, OpKind::broadcast, gradient_name(graph, op.inputs[0]), {outputs[0]},
                 {{"shape", graph.tensor(op.inputs[0]).shape}})};
}

std::vector<TensorId> broadcast_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  if (!wanted[0]) return {-1};
  return {reduce_to(graph, outputs[0], op.inputs[0])};
}

/// Rounding is taken as the identity, and a gradient is fp32: it passes.
std::vector<TensorId> cast_gradient(Graph&, const Op&, Gradients outputs, const Wanted& wanted) {
  return {wanted[0] ? outputs[0] : -1};
}

std::vector<TensorId> reshape_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  if (!wanted[0]) return {-1};
  return {append(graph, OpKind::reshape, gradient_name(graph, op.inputs[0]), {outputs[0]},
                 {{"shape", graph.tensor(op.inputs[0]).shape}})};
}

/// The loss is symmetric in prediction and target.
std::vector<TensorId> mse_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  expect_root(op, outputs);
  const TensorId prediction = op.inputs[0], target = op.inputs[1];
  const auto gradient = [&](TensorId of, TensorId other) {
    return append(graph, OpKind::mse_grad, gradient_name(graph, of), {of, other});
  };
  return {wanted[0] ? gradient(prediction, target) : -1, wanted[1] ? gradient(target, prediction) : -1};
}

std::vector<TensorId> cross_entropy_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  expect_root(op, outputs);
  if (!wanted[0]) return {-1, -1};
  const TensorId logits = op.inputs[0];
  return {append(graph, OpKind::cross_entropy_grad, gradient_name(graph, logits), {logits, op.inputs[1]}), -1};
}

}  // namespace triad::graph::rules
