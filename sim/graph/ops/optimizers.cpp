#include "sim/graph/ops/tables.hpp"

/// Optimizers, PyTorch's definitions (torch.optim.SGD, Adam, AdamW).
namespace triad::graph::ops {
namespace {

/// Operands: parameter, gradient, then `scalars` scalars, then states of the parameter's shape.
void check(Operands inputs, std::size_t scalars) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    expect_format(inputs[i], Format::fp32);
    const bool scalar = i >= 2 && i < 2 + scalars;
    if (scalar && !inputs[i].shape.empty()) reject("{} must be a scalar", describe(inputs[i]));
    if (!scalar) expect_same_shape(inputs[0], inputs[i]);
  }
}

std::vector<Tensor> sgd_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 3, 4);
  check(inputs, 1);
  const double momentum = number(attributes, "momentum");
  if ((momentum != 0) != (inputs.size() == 4)) reject("momentum {} and {} operands", momentum, inputs.size());
  if (flag(attributes, "nesterov") && momentum == 0) reject("nesterov needs a momentum");
  std::vector<Tensor> result = {made(inputs[0].shape)};
  if (momentum != 0) result.push_back(made(inputs[0].shape, Format::fp32, "velocity"));
  return result;
}

/// gradient * gradient_scale + decay * parameter; factors that change nothing are left out.
Expression gradient(Formula& f, const Attributes& attributes, bool with_decay) {
  Expression g = operand(f, 1);
  if (const double scale = number(attributes, "gradient_scale"); scale != 1) g = g * scale;
  if (const double decay = number(attributes, "weight_decay"); with_decay && decay != 0) g = g + operand(f, 0) * decay;
  return g;
}

/// v' = m v + g; p' = p - r v', with Nesterov p' = p - r (g + m v').
Formula sgd_formula(Operands inputs, const Attributes& attributes) {
  Formula f = over(inputs);
  const Expression p = operand(f, 0), rate = operand(f, 2), g = gradient(f, attributes, true);
  const double momentum = number(attributes, "momentum");
  if (momentum == 0) {
    deliver(p - rate * g);
    return f;
  }
  const Expression v = momentum * operand(f, 3) + g;
  deliver(p - rate * (flag(attributes, "nesterov") ? g + momentum * v : v));
  deliver(v);
  return f;
}

std::vector<Tensor> adam_result(Operands inputs, const Attributes&) {
  count(inputs, 7, 7);
  check(inputs, 3);
  const Shape& shape = inputs[0].shape;
  return {made(shape), made(shape, Format::fp32, "first_moment"), made(shape, Format::fp32, "second_moment")};
}

/// Kingma and Ba 2015; decoupled weight decay: Loshchilov and Hutter 2019, p (1 - r decay) first.
/// p' = p - r (m' / c1) / (sqrt(v' / c2) + epsilon)
Formula adam_formula(Operands inputs, const Attributes& attributes) {
  Formula f = over(inputs);
  const bool decoupled = flag(attributes, "decoupled");
  const double beta1 = number(attributes, "beta1"), beta2 = number(attributes, "beta2");
  const double decay = number(attributes, "weight_decay");
  const Expression rate = operand(f, 2), c1 = operand(f, 3), c2 = operand(f, 4);
  const Expression g = gradient(f, attributes, !decoupled);
  const Expression m = beta1 * operand(f, 5) + (1 - beta1) * g;
  const Expression v = beta2 * operand(f, 6) + (1 - beta2) * (g * g);
  Expression p = operand(f, 0);
  if (decoupled && decay != 0) p = p - p * (rate * decay);
  deliver(p - rate * ((m / c1) / (make(Function::square_root, v / c2) + number(attributes, "epsilon"))));
  deliver(m);
  deliver(v);
  return f;
}

}  // namespace

std::vector<OpDefinition> optimizers() {
  return {
      {OpKind::sgd,
       "sgd",
       Family::formula,
       {},
       {{"momentum", 0.0}, {"nesterov", false}, {"weight_decay", 0.0}, {"gradient_scale", 1.0}},
       sgd_result,
       sgd_formula,
       {}},
      {OpKind::adam,
       "adam",
       Family::formula,
       {},
       {{"beta1", 0.9},
        {"beta2", 0.999},
        {"epsilon", 1e-8},
        {"weight_decay", 0.0},
        {"decoupled", false},
        {"gradient_scale", 1.0}},
       adam_result,
       adam_formula,
       {}},
  };
}

}  // namespace triad::graph::ops
