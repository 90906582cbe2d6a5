#include <algorithm>

#include "sim/graph/ops/tables.hpp"

/// Ops over rows: reductions, softmax and normalisation. Attribute `axes`: the reduced axes, ascending.
namespace triad::graph::ops {
namespace {

using Axes = std::vector<std::int64_t>;

void check_axes(const Tensor& input, const Axes& axes) {
  const auto rank = static_cast<std::int64_t>(input.shape.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || axes[i] >= rank || (i > 0 && axes[i] <= axes[i - 1])) {
      reject("axes {} of {}: must be ascending, from 0 to {}", to_string(axes), describe(input), rank - 1);
    }
  }
  if (axes.empty()) reject("axes: at least one axis of {} must be named", describe(input));
}

Shape without(const Shape& shape, const Axes& axes, bool keep) {
  Shape result;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    const bool gone = std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
    if (!gone) result.push_back(shape[axis]);
    if (gone && keep) result.push_back(1);
  }
  return result;
}

std::int64_t extent(const Shape& shape, const Axes& axes) {
  std::int64_t product = 1;
  for (const std::int64_t axis : axes) product *= shape[static_cast<std::size_t>(axis)];
  return product;
}

using Body = Expression (*)(Formula& formula);
Expression x(Formula& f) {
  return operand(f, 0);
}
Expression sum(Expression a) {
  return make(Function::row_sum, a);
}
Expression exponential(Expression a) {
  return make(Function::exponential, a);
}
Expression shifted(Formula& f) {
  return x(f) - make(Function::row_maximum, x(f));
}
double length(Formula& f) {
  return static_cast<double>(f.row_length());
}

/// One value per row.
OpDefinition reduction(OpKind kind, const char* name, Body body, GradientRule gradient) {
  const auto infer = [](Operands inputs, const Attributes& attributes) -> std::vector<Tensor> {
    count(inputs, 1, 1);
    expect_format(inputs[0], Format::fp32);
    check_axes(inputs[0], integers(attributes, "axes"));
    return {made(without(inputs[0].shape, integers(attributes, "axes"), flag(attributes, "keep")))};
  };
  const auto formula = [body](Operands inputs, const Attributes& attributes) {
    Formula f = over(inputs, integers(attributes, "axes"));
    deliver(body(f), true);
    return f;
  };
  return {kind, name, Family::formula, {"axes"}, {{"keep", false}}, infer, formula, std::move(gradient)};
}

/// As many values as the first operand has; `operands` of its shape.
OpDefinition whole(OpKind kind, const char* name, std::size_t operands, Body body, GradientRule gradient = {}) {
  const auto infer = [operands](Operands inputs, const Attributes& attributes) -> std::vector<Tensor> {
    count(inputs, operands, operands);
    for (const Tensor& input : inputs) {
      expect_format(input, Format::fp32);
      expect_same_shape(inputs[0], input);
    }
    check_axes(inputs[0], integers(attributes, "axes"));
    return {made(inputs[0].shape)};
  };
  const auto formula = [body](Operands inputs, const Attributes& attributes) {
    Formula f = over(inputs, integers(attributes, "axes"));
    deliver(body(f));
    return f;
  };
  return {kind, name, Family::formula, {"axes"}, {}, infer, formula, std::move(gradient)};
}

/// The result of a reduction, or its gradient, with the reduced axes at extent 1: it broadcasts to the input.
TensorId kept(Graph& graph, const Op& op, TensorId value) {
  const Shape shape = without(graph.tensor(op.inputs[0]).shape, op.integers("axes"), true);
  return reshaped(graph, gradient_name(graph, op.inputs[0]), value, shape);
}

TensorId spread(Graph& graph, const Op& op, TensorId value) {
  const Shape shape = graph.tensor(op.inputs[0]).shape;
  const TensorId small = kept(graph, op, value);
  if (graph.tensor(small).shape == shape) return small;
  return append(graph, OpKind::broadcast, gradient_name(graph, op.inputs[0]), {small}, {{"shape", shape}});
}

std::vector<TensorId> sum_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {spread(graph, op, outputs[0])};
}
std::vector<TensorId> mean_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  const double n = static_cast<double>(extent(graph.tensor(op.inputs[0]).shape, op.integers("axes")));
  const TensorId share =
      append(graph, OpKind::scale, gradient_name(graph, op.inputs[0]), {outputs[0]}, {{"factor", 1 / n}});
  return {spread(graph, op, share)};
}
std::vector<TensorId> max_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {append(graph, OpKind::reduce_max_grad, gradient_name(graph, op.inputs[0]),
                 {op.inputs[0], kept(graph, op, op.outputs[0]), kept(graph, op, outputs[0])},
                 {{"axes", op.integers("axes")}})};
}
/// d log_sum_exp(x) = e^(x - y) dy
std::vector<TensorId> log_sum_exp_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  const std::string name = gradient_name(graph, op.inputs[0]);
  const TensorId difference = append(graph, OpKind::subtract, name, {op.inputs[0], kept(graph, op, op.outputs[0])});
  const TensorId weight = append(graph, OpKind::exp, name, {difference});
  return {append(graph, OpKind::multiply, name, {weight, kept(graph, op, outputs[0])})};
}
template <OpKind kind>
std::vector<TensorId> from_output(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {append(graph, kind, gradient_name(graph, op.inputs[0]), {op.outputs[0], outputs[0]},
                 {{"axes", op.integers("axes")}})};
}

std::vector<TensorId> normalize_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  if (outputs[1] != -1 || outputs[2] != -1) {
    throw std::invalid_argument(op.name + ": no gradient flows through the mean and variance of normalize");
  }
  return {append(graph, OpKind::normalize_grad, gradient_name(graph, op.inputs[0]),
                 {op.outputs[0], op.outputs[2], outputs[0]},
                 {{"axes", op.integers("axes")}, {"epsilon", op.number("epsilon")}})};
}

std::vector<Tensor> normalize_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  expect_format(inputs[0], Format::fp32);
  const Axes& axes = integers(attributes, "axes");
  check_axes(inputs[0], axes);
  const Shape row = without(inputs[0].shape, axes, true);
  return {made(inputs[0].shape), made(row, Format::fp32, "mean"), made(row, Format::fp32, "variance")};
}
Formula normalize_formula(Operands inputs, const Attributes& attributes) {
  Formula f = over(inputs, integers(attributes, "axes"));
  const Expression mean = sum(x(f)) * (1 / length(f));
  const Expression centred = x(f) - mean;
  const Expression variance = sum(centred * centred) * (1 / length(f));
  deliver(centred / make(Function::square_root, variance + number(attributes, "epsilon")));
  deliver(mean, true);
  deliver(variance, true);
  return f;
}

std::vector<Tensor> normalize_grad_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 3, 3);
  for (const Tensor& input : inputs) expect_format(input, Format::fp32);
  const Axes& axes = integers(attributes, "axes");
  check_axes(inputs[0], axes);
  expect_same_shape(inputs[0], inputs[2]);
  if (inputs[1].shape != without(inputs[0].shape, axes, true)) {
    reject("{} must be [{}]", describe(inputs[1]), to_string(without(inputs[0].shape, axes, true)));
  }
  return {made(inputs[0].shape)};
}
/// dx = (dy - mean(dy) - y mean(dy y)) / sqrt(variance + epsilon); Ioffe and Szegedy, "Batch Normalization", 2015.
Formula normalize_grad_formula(Operands inputs, const Attributes& attributes) {
  Formula f = over(inputs, integers(attributes, "axes"));
  const Expression y = operand(f, 0), variance = operand(f, 1), dy = operand(f, 2);
  const double share = 1 / length(f);
  deliver((dy - sum(dy) * share - y * (sum(dy * y) * share)) /
          make(Function::square_root, variance + number(attributes, "epsilon")));
  return f;
}

std::vector<Tensor> max_grad_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 3, 3);
  for (const Tensor& input : inputs) expect_format(input, Format::fp32);
  check_axes(inputs[0], integers(attributes, "axes"));
  const Shape row = without(inputs[0].shape, integers(attributes, "axes"), true);
  for (const Tensor& input : inputs.subspan(1)) {
    if (input.shape != row) reject("{} must be {}", describe(input), to_string(row));
  }
  return {made(inputs[0].shape)};
}
Formula max_grad_formula(Operands inputs, const Attributes& attributes) {
  Formula f = over(inputs, integers(attributes, "axes"));
  const Expression hit = make(Function::equal, x(f), operand(f, 1));
  deliver(hit * (operand(f, 2) / sum(hit)));
  return f;
}

}  // namespace

std::vector<OpDefinition> rows() {
  using F = Formula&;
  return {
      reduction(
          OpKind::reduce_sum, "reduce_sum", [](F f) { return sum(x(f)); }, sum_gradient),
      reduction(
          OpKind::reduce_mean, "reduce_mean", [](F f) { return sum(x(f)) * (1 / length(f)); }, mean_gradient),
      reduction(
          OpKind::reduce_max, "reduce_max", [](F f) { return make(Function::row_maximum, x(f)); }, max_gradient),
      {OpKind::reduce_max_grad,
       "reduce_max_grad",
       Family::formula,
       {"axes"},
       {},
       max_grad_result,
       max_grad_formula,
       {}},
      reduction(
          OpKind::log_sum_exp, "log_sum_exp",
          [](F f) {
            return make(Function::row_maximum, x(f)) + make(Function::logarithm, sum(exponential(shifted(f))));
          },
          log_sum_exp_gradient),
      whole(
          OpKind::softmax, "softmax", 1,
          [](F f) {
            const Expression e = exponential(shifted(f));
            return e / sum(e);
          },
          from_output<OpKind::softmax_grad>),
      whole(OpKind::softmax_grad, "softmax_grad", 2,
            [](F f) {
              const Expression dy = operand(f, 1);
              return x(f) * (dy - sum(x(f) * dy));
            }),
      whole(
          OpKind::log_softmax, "log_softmax", 1,
          [](F f) { return shifted(f) - make(Function::logarithm, sum(exponential(shifted(f)))); },
          from_output<OpKind::log_softmax_grad>),
      whole(OpKind::log_softmax_grad, "log_softmax_grad", 2,
            [](F f) {
              const Expression dy = operand(f, 1);
              return dy - exponential(x(f)) * sum(dy);
            }),
      {OpKind::normalize,
       "normalize",
       Family::formula,
       {"axes"},
       {{"epsilon", 1e-5}},
       normalize_result,
       normalize_formula,
       normalize_gradient},
      {OpKind::normalize_grad,
       "normalize_grad",
       Family::formula,
       {"axes"},
       {{"epsilon", 1e-5}},
       normalize_grad_result,
       normalize_grad_formula,
       {}},
  };
}

}  // namespace triad::graph::ops
