#include "sim/graph/ops/tables.hpp"

/// Losses, PyTorch's definitions.
namespace triad::graph::ops {
namespace {

using Body = Expression (*)(Expression prediction, Expression target);

Expression zero(Expression like) {
  return constant(like.formula(), 0);
}
Expression exponential(Expression a) {
  return make(Function::exponential, a);
}
Expression absolute(Expression a) {
  return make(Function::maximum, a, 0.0 - a);
}

std::vector<std::int64_t> all_axes(const Tensor& tensor) {
  std::vector<std::int64_t> axes;
  for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  return axes;
}

void check_pair(Operands inputs) {
  for (const Tensor& input : inputs) expect_format(input, Format::fp32);
  expect_same_shape(inputs[0], inputs[1]);
}

/// The gradient with respect to the prediction; that of the target, where one is wanted, is an error unless the loss is
/// symmetric.
template <OpKind kind, bool symmetric>
std::vector<TensorId> pair_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const TensorId prediction = op.inputs[0], target = op.inputs[1];
  if (wanted[1] && !symmetric) {
    throw std::invalid_argument(fmt::format("{}: {} has no gradient for its target", op.name, to_string(op.kind)));
  }
  const auto gradient = [&](TensorId of, TensorId other) {
    return append(graph, kind, gradient_name(graph, of), {of, other, outputs[0]});
  };
  return {wanted[0] ? gradient(prediction, target) : -1, wanted[1] ? gradient(target, prediction) : -1};
}

/// Mean over all elements.
OpDefinition mean_of(OpKind kind, const char* name, Body body, GradientRule gradient) {
  const auto infer = [](Operands inputs, const Attributes&) -> std::vector<Tensor> {
    count(inputs, 2, 2);
    check_pair(inputs);
    return {made({})};
  };
  const auto formula = [body](Operands inputs, const Attributes&) {
    Formula f = over(inputs, all_axes(inputs[0]));
    const Expression sum = make(Function::row_sum, body(operand(f, 0), operand(f, 1)));
    deliver(sum * (1 / static_cast<double>(f.row_length())), true);
    return f;
  };
  return {kind, name, Family::formula, {}, {}, infer, formula, std::move(gradient)};
}

/// Its gradient: (prediction, target, dloss).
OpDefinition gradient_of(OpKind kind, const char* name, Body body) {
  const auto infer = [](Operands inputs, const Attributes&) -> std::vector<Tensor> {
    count(inputs, 3, 3);
    check_pair(inputs);
    if (!inputs[2].shape.empty()) reject("{} must be a scalar", describe(inputs[2]));
    return {made(inputs[0].shape)};
  };
  const auto formula = [body](Operands inputs, const Attributes&) {
    Formula f = over(inputs);
    const double share = 1 / static_cast<double>(elements(inputs[0].shape));
    deliver(body(operand(f, 0), operand(f, 1)) * (operand(f, 2) * share));
    return f;
  };
  return {kind, name, Family::formula, {}, {}, infer, formula, {}};
}

void check_classes(Operands inputs) {
  expect_format(inputs[0], Format::fp32);
  expect_format(inputs[1], Format::int32);
  expect_rank(inputs[0], 2, "[batch, classes]");
  if (inputs[1].shape != Shape{inputs[0].shape[0]}) {
    reject("{} must hold one class number per row of {}: [{}]", describe(inputs[1]), describe(inputs[0]),
           inputs[0].shape[0]);
  }
}

/// Over [batch, classes], rows of classes; a value per sample is [batch, 1] to the formula.
Formula by_class(Operands inputs) {
  std::vector<Tensor> operands(inputs.begin(), inputs.end());
  for (std::size_t i = 1; i < operands.size(); ++i) operands[i].shape = {operands[i].shape[0], 1};
  return over(operands, {1});
}

std::vector<Tensor> cross_entropy_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  check_classes(inputs);
  integer(attributes, "ignore_index");
  return {made({inputs[0].shape[0]})};
}
Formula cross_entropy_formula(Operands inputs, const Attributes& attributes) {
  Formula f = by_class(inputs);
  const Expression x = operand(f, 0), classes = operand(f, 1);
  const Expression shifted = x - make(Function::row_maximum, x);
  const Expression norm = make(Function::logarithm, make(Function::row_sum, exponential(shifted)));
  const Expression hot = make(Function::equal, coordinate(f, 1), classes);
  const Expression own = make(Function::row_sum, select(hot, shifted, zero(x)));
  const Expression ignored =
      make(Function::equal, classes, constant(f, static_cast<double>(integer(attributes, "ignore_index"))));
  deliver(select(ignored, zero(x), norm - own), true);
  return f;
}
std::vector<TensorId> cross_entropy_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {append(graph, OpKind::cross_entropy_grad, gradient_name(graph, op.inputs[0]),
                 {op.inputs[0], op.inputs[1], outputs[0]}, op.attributes),
          -1};
}

std::vector<Tensor> cross_entropy_grad_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 3, 3);
  check_classes(inputs);
  expect_same_shape(inputs[1], inputs[2]);
  expect_format(inputs[2], Format::fp32);
  integer(attributes, "ignore_index");
  return {made(inputs[0].shape)};
}
Formula cross_entropy_grad_formula(Operands inputs, const Attributes& attributes) {
  Formula f = by_class(inputs);
  const Expression x = operand(f, 0), classes = operand(f, 1), dloss = operand(f, 2);
  const Expression e = exponential(x - make(Function::row_maximum, x));
  const Expression hot = make(Function::equal, coordinate(f, 1), classes);
  const Expression ignored =
      make(Function::equal, classes, constant(f, static_cast<double>(integer(attributes, "ignore_index"))));
  deliver(select(ignored, zero(x), (e / make(Function::row_sum, e) - hot) * dloss));
  return f;
}

}  // namespace

std::vector<OpDefinition> losses() {
  using E = Expression;
  return {
      mean_of(
          OpKind::mse, "mse", [](E p, E t) { return (p - t) * (p - t); }, pair_gradient<OpKind::mse_grad, true>),
      gradient_of(OpKind::mse_grad, "mse_grad", [](E p, E t) { return 2.0 * (p - t); }),
      mean_of(
          OpKind::l1, "l1", [](E p, E t) { return absolute(p - t); }, pair_gradient<OpKind::l1_grad, true>),
      gradient_of(OpKind::l1_grad, "l1_grad",
                  [](E p, E t) { return make(Function::greater, p, t) - make(Function::greater, t, p); }),
      // max(p, 0) - p t + log(1 + e^-|p|): PyTorch's form, which does not overflow.
      mean_of(
          OpKind::bce_with_logits, "bce_with_logits",
          [](E p, E t) {
            return make(Function::maximum, p, zero(p)) - p * t +
                   make(Function::logarithm, 1.0 + exponential(0.0 - absolute(p)));
          },
          pair_gradient<OpKind::bce_with_logits_grad, false>),
      gradient_of(OpKind::bce_with_logits_grad, "bce_with_logits_grad",
                  [](E p, E t) { return 1.0 / (1.0 + exponential(0.0 - p)) - t; }),
      {OpKind::cross_entropy,
       "cross_entropy",
       Family::formula,
       {},
       {{"ignore_index", std::int64_t{-100}}},
       cross_entropy_result,
       cross_entropy_formula,
       cross_entropy_gradient},
      {OpKind::cross_entropy_grad,
       "cross_entropy_grad",
       Family::formula,
       {},
       {{"ignore_index", std::int64_t{-100}}},
       cross_entropy_grad_result,
       cross_entropy_grad_formula,
       {}},
  };
}

}  // namespace triad::graph::ops
