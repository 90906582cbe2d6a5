#include <cmath>

#include "sim/graph/ops/tables.hpp"

/// Element-wise ops: one formula over the shape that the operands broadcast to.
namespace triad::graph::ops {
namespace {

using Body = Expression (*)(Formula& formula, const Attributes& attributes);

std::vector<Tensor> broadcast_result(Operands inputs, const Attributes&) {
  return {made(broadcast_shape(inputs))};
}

/// `operands` fp32 operands, one fp32 result.
OpDefinition entry(OpKind kind, const char* name, std::size_t operands, Body body, GradientRule gradient = {},
                   std::vector<std::string> required = {}, Attributes defaults = {}) {
  const auto infer = [operands, body](Operands inputs, const Attributes& attributes) {
    count(inputs, operands, operands);
    for (const Tensor& input : inputs) expect_format(input, Format::fp32);
    Formula made = over(inputs);
    body(made, attributes);  // checks the attributes
    return broadcast_result(inputs, attributes);
  };
  const auto formula = [body](Operands inputs, const Attributes& attributes) {
    Formula made = over(inputs);
    deliver(body(made, attributes));
    return made;
  };
  return {kind, name, Family::formula, std::move(required), std::move(defaults), infer, formula, std::move(gradient)};
}

Expression x(Formula& f) {
  return operand(f, 0);
}
Expression y(Formula& f) {
  return operand(f, 1);
}
Expression zero(Formula& f) {
  return constant(f, 0);
}
Expression sigmoid_of(Expression a) {
  return 1.0 / (1.0 + make(Function::exponential, 0.0 - a));
}
/// Φ(a), the standard normal distribution.
Expression normal_cdf(Expression a) {
  return 0.5 * (1.0 + make(Function::error_function, a * std::sqrt(0.5)));
}
/// sqrt(2/π) (a + 0.044715 a³); Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
Expression gelu_tanh(Expression a) {
  return make(Function::tanh, (a + a * a * a * 0.044715) * std::sqrt(2 / M_PI));
}
bool by_tanh(const Attributes& attributes) {
  const std::string& how = text(attributes, "approximate");
  if (how != "tanh" && how != "none") reject("approximate is '{}', must be none or tanh", how);
  return how == "tanh";
}

/// a^exponent: a whole exponent by repeated multiplication, 1/2 by the root, any other by e^(exponent ln a), NaN below
/// 0.
Expression power(Expression a, double exponent) {
  Formula& f = a.formula();
  if (exponent < 0) return 1.0 / power(a, -exponent);
  if (exponent == 0) return constant(f, 1);
  if (exponent == 0.5) return make(Function::square_root, a);
  if (exponent == std::floor(exponent) && exponent <= 64) {
    Expression result = a;
    for (int i = 1; i < static_cast<int>(exponent); ++i) result = result * a;
    return result;
  }
  return select(make(Function::equal, a, constant(f, 0)), constant(f, 0),
                make(Function::exponential, make(Function::logarithm, a) * exponent));
}

TensorId only(Graph& graph, OpKind kind, const Op& op, std::vector<TensorId> inputs, Attributes attributes = {}) {
  return append(graph, kind, gradient_name(graph, op.inputs[0]), std::move(inputs), std::move(attributes));
}

/// dx = kind(x, dy), with the op's own attributes.
template <OpKind kind>
std::vector<TensorId> from_input(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {only(graph, kind, op, {op.inputs[0], outputs[0]}, op.attributes)};
}
/// dx = kind(y, dy)
template <OpKind kind>
std::vector<TensorId> from_output(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {only(graph, kind, op, {op.outputs[0], outputs[0]}, op.attributes)};
}

std::vector<TensorId> add_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  return {wanted[0] ? reduce_to(graph, outputs[0], op.inputs[0]) : -1,
          wanted[1] ? reduce_to(graph, outputs[0], op.inputs[1]) : -1};
}

TensorId scaled(Graph& graph, const std::string& name, TensorId value, double factor) {
  return append(graph, OpKind::scale, name, {value}, {{"factor", factor}});
}

std::vector<TensorId> subtract_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  TensorId db = -1;
  if (wanted[1]) {
    db = scaled(graph, gradient_name(graph, op.inputs[1]), reduce_to(graph, outputs[0], op.inputs[1]), -1);
  }
  return {wanted[0] ? reduce_to(graph, outputs[0], op.inputs[0]) : -1, db};
}

std::vector<TensorId> multiply_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  std::vector<TensorId> result(2, -1);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!wanted[i]) continue;
    const std::string name = gradient_name(graph, op.inputs[i]);
    result[i] = reduce_to(graph, append(graph, OpKind::multiply, name, {outputs[0], op.inputs[1 - i]}), op.inputs[i]);
  }
  return result;
}

/// y = a / b: da = dy / b, db = -dy y / b.
std::vector<TensorId> divide_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  const TensorId a = op.inputs[0], b = op.inputs[1];
  const TensorId quotient = append(graph, OpKind::divide, gradient_name(graph, a), {outputs[0], b});
  TensorId db = -1;
  if (wanted[1]) {
    const std::string name = gradient_name(graph, b);
    const TensorId product = append(graph, OpKind::multiply, name, {quotient, op.outputs[0]});
    db = scaled(graph, name, reduce_to(graph, product, b), -1);
  }
  return {wanted[0] ? reduce_to(graph, quotient, a) : -1, db};
}

/// To the larger (smaller) operand; half to each where they are equal, as PyTorch does.
std::vector<TensorId> extremum_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  std::vector<TensorId> result(2, -1);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!wanted[i]) continue;
    const TensorId own = op.inputs[i], other = op.inputs[1 - i];
    const bool larger = op.kind == OpKind::maximum;
    const std::string name = gradient_name(graph, own);
    const TensorId wins = append(graph, OpKind::greater, name, {larger ? own : other, larger ? other : own});
    const TensorId ties = append(graph, OpKind::equal, name, {own, other});
    const TensorId share = append(graph, OpKind::add, name, {wins, scaled(graph, name, ties, 0.5)});
    result[i] = reduce_to(graph, append(graph, OpKind::multiply, name, {outputs[0], share}), own);
  }
  return result;
}

std::vector<TensorId> where_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted& wanted) {
  std::vector<TensorId> result(3, -1);
  const TensorId none = graph.add_tensor({op.name + ".zero", {}, Format::fp32, Role::constant});
  for (std::size_t i = 1; i < 3; ++i) {
    if (!wanted[i]) continue;
    const std::string name = gradient_name(graph, op.inputs[i]);
    const TensorId then = i == 1 ? outputs[0] : none, otherwise = i == 1 ? none : outputs[0];
    result[i] = reduce_to(graph, append(graph, OpKind::where, name, {op.inputs[0], then, otherwise}), op.inputs[i]);
  }
  return result;
}

std::vector<TensorId> scale_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {scaled(graph, gradient_name(graph, op.inputs[0]), outputs[0], op.number("factor"))};
}
/// The gradient passes; rounding is taken as the identity.
std::vector<TensorId> pass(Graph&, const Op&, Gradients outputs, const Wanted&) {
  return {outputs[0]};
}
std::vector<TensorId> exp_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {only(graph, OpKind::multiply, op, {outputs[0], op.outputs[0]})};
}
std::vector<TensorId> log_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {only(graph, OpKind::divide, op, {outputs[0], op.inputs[0]})};
}
/// erf'(x) = 2 / sqrt(π) e^(-x²)
std::vector<TensorId> erf_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  const TensorId x = op.inputs[0];
  const std::string name = gradient_name(graph, x);
  const TensorId square = append(graph, OpKind::multiply, name, {x, x});
  const TensorId bell = append(graph, OpKind::exp, name, {scaled(graph, name, square, -1)});
  return {append(graph, OpKind::multiply, name, {outputs[0], scaled(graph, name, bell, 2 / std::sqrt(M_PI))})};
}
/// The same mask again: a function of seed, step and index.
std::vector<TensorId> dropout_gradient(Graph& graph, const Op& op, Gradients outputs, const Wanted&) {
  return {only(graph, OpKind::dropout, op, {outputs[0], op.inputs[1]}, op.attributes), -1};
}

OpDefinition comparison(OpKind kind, const char* name, Function function) {
  const auto infer = [](Operands inputs, const Attributes& attributes) {
    count(inputs, 2, 2);
    for (const Tensor& input : inputs) {
      if (input.format != Format::int32) expect_format(input, Format::fp32);
    }
    return broadcast_result(inputs, attributes);
  };
  const auto formula = [function](Operands inputs, const Attributes&) {
    Formula f = over(inputs);
    deliver(make(function, x(f), y(f)));
    return f;
  };
  return {kind, name, Family::formula, {}, {}, infer, formula, {}};
}

Format format_named(const std::string& name) {
  for (const Format format : {Format::fp32, Format::bf16, Format::fp16}) {
    if (name == numerics::to_string(format)) return format;
  }
  reject("cannot cast to {}: must be fp32, bf16 or fp16", name);
}

std::vector<Tensor> cast_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 1, 1);
  if (inputs[0].format == Format::tf32 || inputs[0].format == Format::int8) {
    reject("{} is {}, must be fp32, bf16, fp16 or int32", describe(inputs[0]), numerics::to_string(inputs[0].format));
  }
  return {made(inputs[0].shape, format_named(text(attributes, "format")))};
}

std::vector<Tensor> dropout_result(Operands inputs, const Attributes& attributes) {
  count(inputs, 2, 2);
  expect_format(inputs[0], Format::fp32);
  expect_format(inputs[1], Format::int32);
  if (elements(inputs[1].shape) != 1) reject("{} must be a scalar, the number of the step", describe(inputs[1]));
  const double p = number(attributes, "probability");
  if (p < 0 || p >= 1) reject("probability {} must be at least 0 and below 1", p);
  const std::int64_t seed = integer(attributes, "seed");
  if (seed < 0 || seed > 0xffffffffLL) reject("seed {} must be in [0, 2^32)", seed);
  return {made(inputs[0].shape)};
}

std::vector<Tensor> quantize_result(Operands inputs, const Attributes&) {
  count(inputs, 2, 2);
  for (const Tensor& input : inputs) expect_format(input, Format::fp32);
  return {made(broadcast_shape(inputs), Format::int8)};
}
std::vector<Tensor> dequantize_result(Operands inputs, const Attributes&) {
  count(inputs, 2, 2);
  if (inputs[0].format != Format::int8) expect_format(inputs[0], Format::int32);
  expect_format(inputs[1], Format::fp32);
  return {made(broadcast_shape(inputs))};
}

template <class Make>
auto formula_by(Make body) {
  return [body](Operands inputs, const Attributes& attributes) {
    Formula f = over(inputs);
    deliver(body(f, attributes));
    return f;
  };
}

}  // namespace

std::vector<OpDefinition> element_wise() {
  using F = Formula&;
  using A = const Attributes&;
  return {
      entry(
          OpKind::add, "add", 2, [](F f, A) { return x(f) + y(f); }, add_gradient),
      entry(
          OpKind::subtract, "subtract", 2, [](F f, A) { return x(f) - y(f); }, subtract_gradient),
      entry(
          OpKind::multiply, "multiply", 2, [](F f, A) { return x(f) * y(f); }, multiply_gradient),
      entry(
          OpKind::divide, "divide", 2, [](F f, A) { return x(f) / y(f); }, divide_gradient),
      entry(
          OpKind::maximum, "maximum", 2, [](F f, A) { return make(Function::maximum, x(f), y(f)); }, extremum_gradient),
      entry(
          OpKind::minimum, "minimum", 2, [](F f, A) { return make(Function::minimum, x(f), y(f)); }, extremum_gradient),
      comparison(OpKind::greater, "greater", Function::greater),
      comparison(OpKind::equal, "equal", Function::equal),
      entry(
          OpKind::where, "where", 3, [](F f, A) { return select(x(f), y(f), operand(f, 2)); }, where_gradient),
      entry(OpKind::scale, "scale", 1, [](F f, A a) { return x(f) * number(a, "factor"); }, scale_gradient, {"factor"}),
      entry(OpKind::offset, "offset", 1, [](F f, A a) { return x(f) + number(a, "addend"); }, pass, {"addend"}),
      entry(
          OpKind::absolute, "absolute", 1, [](F f, A) { return make(Function::maximum, x(f), 0.0 - x(f)); },
          from_input<OpKind::absolute_grad>),
      entry(
          OpKind::exp, "exp", 1, [](F f, A) { return make(Function::exponential, x(f)); }, exp_gradient),
      entry(
          OpKind::log, "log", 1, [](F f, A) { return make(Function::logarithm, x(f)); }, log_gradient),
      entry(
          OpKind::sqrt, "sqrt", 1, [](F f, A) { return make(Function::square_root, x(f)); },
          from_output<OpKind::sqrt_grad>),
      entry(OpKind::pow, "pow", 1, [](F f, A a) { return power(x(f), number(a, "exponent")); },
            from_input<OpKind::pow_grad>, {"exponent"}),
      entry(OpKind::clamp, "clamp", 1,
            [](F f, A a) {
              return make(Function::minimum, make(Function::maximum, x(f), constant(f, number(a, "low"))),
                          constant(f, number(a, "high")));
            },
            from_input<OpKind::clamp_grad>, {}, {{"low", -INFINITY}, {"high", INFINITY}}),
      entry(
          OpKind::erf, "erf", 1, [](F f, A) { return make(Function::error_function, x(f)); }, erf_gradient),
      entry(
          OpKind::relu, "relu", 1, [](F f, A) { return make(Function::maximum, x(f), zero(f)); },
          from_output<OpKind::relu_grad>),
      entry(OpKind::leaky_relu, "leaky_relu", 1,
            [](F f, A a) { return select(make(Function::greater, x(f), zero(f)), x(f), x(f) * number(a, "slope")); },
            from_input<OpKind::leaky_relu_grad>, {}, {{"slope", 0.01}}),
      entry(OpKind::gelu, "gelu", 1,
            [](F f, A a) { return by_tanh(a) ? 0.5 * x(f) * (1.0 + gelu_tanh(x(f))) : x(f) * normal_cdf(x(f)); },
            from_input<OpKind::gelu_grad>, {}, {{"approximate", std::string("none")}}),
      entry(
          OpKind::silu, "silu", 1, [](F f, A) { return x(f) * sigmoid_of(x(f)); }, from_input<OpKind::silu_grad>),
      entry(
          OpKind::sigmoid, "sigmoid", 1, [](F f, A) { return sigmoid_of(x(f)); }, from_output<OpKind::sigmoid_grad>),
      entry(
          OpKind::tanh, "tanh", 1, [](F f, A) { return make(Function::tanh, x(f)); }, from_output<OpKind::tanh_grad>),
      {OpKind::dropout,
       "dropout",
       Family::formula,
       {"probability", "seed"},
       {},
       dropout_result,
       formula_by([](F f, A a) {
         const double p = number(a, "probability");
         const Expression drawn = uniform(f, static_cast<std::uint32_t>(integer(a, "seed")), y(f));
         return select(make(Function::greater, constant(f, p), drawn), zero(f), x(f) * (1 / (1 - p)));
       }),
       dropout_gradient},
      {OpKind::cast,
       "cast",
       Family::formula,
       {"format"},
       {},
       cast_result,
       formula_by([](F f, A) { return x(f); }),
       pass},
      {OpKind::quantize,
       "quantize",
       Family::formula,
       {},
       {},
       quantize_result,
       formula_by([](F f, A) {
         const Expression rounded = make(Function::round, x(f) / y(f));
         return make(Function::minimum, make(Function::maximum, rounded, constant(f, -127)), constant(f, 127));
       }),
       {}},
      {OpKind::dequantize,
       "dequantize",
       Family::formula,
       {},
       {},
       dequantize_result,
       formula_by([](F f, A) { return x(f) * y(f); }),
       {}},
  };
}

std::vector<OpDefinition> element_wise_gradients() {
  using F = Formula&;
  using A = const Attributes&;
  return {
      // y(f) is dy throughout; x(f) is the input or the output of the op, as its entry in OpKind says.
      entry(OpKind::absolute_grad, "absolute_grad", 2,
            [](F f, A) {
              const Expression sign = make(Function::greater, x(f), zero(f)) - make(Function::greater, zero(f), x(f));
              return sign * y(f);
            }),
      entry(OpKind::sqrt_grad, "sqrt_grad", 2, [](F f, A) { return y(f) / (2.0 * x(f)); }),
      entry(OpKind::pow_grad, "pow_grad", 2,
            [](F f, A a) {
              const double exponent = number(a, "exponent");
              return y(f) * (exponent * power(x(f), exponent - 1));
            },
            {}, {"exponent"}),
      entry(OpKind::clamp_grad, "clamp_grad", 2,
            [](F f, A a) {
              const Expression outside = make(Function::greater, constant(f, number(a, "low")), x(f)) +
                                         make(Function::greater, x(f), constant(f, number(a, "high")));
              return select(outside, zero(f), y(f));
            },
            {}, {}, {{"low", -INFINITY}, {"high", INFINITY}}),
      entry(OpKind::relu_grad, "relu_grad", 2,
            [](F f, A) { return select(make(Function::greater, x(f), zero(f)), y(f), zero(f)); }),
      entry(OpKind::leaky_relu_grad, "leaky_relu_grad", 2,
            [](F f, A a) { return select(make(Function::greater, x(f), zero(f)), y(f), y(f) * number(a, "slope")); },
            {}, {}, {{"slope", 0.01}}),
      entry(OpKind::gelu_grad, "gelu_grad", 2,
            [](F f, A a) {
              if (by_tanh(a)) {
                const Expression t = gelu_tanh(x(f));
                const Expression inner = std::sqrt(2 / M_PI) * (1.0 + 3 * 0.044715 * (x(f) * x(f)));
                return y(f) * (0.5 * (1.0 + t) + 0.5 * x(f) * (1.0 - t * t) * inner);
              }
              const Expression density =
                  make(Function::exponential, x(f) * x(f) * -0.5) * (1 / std::sqrt(2 * M_PI));  // φ(x)
              return y(f) * (normal_cdf(x(f)) + x(f) * density);
            },
            {}, {}, {{"approximate", std::string("none")}}),
      entry(OpKind::silu_grad, "silu_grad", 2,
            [](F f, A) {
              const Expression s = sigmoid_of(x(f));
              return y(f) * (s * (1.0 + x(f) * (1.0 - s)));
            }),
      entry(OpKind::sigmoid_grad, "sigmoid_grad", 2, [](F f, A) { return y(f) * (x(f) * (1.0 - x(f))); }),
      entry(OpKind::tanh_grad, "tanh_grad", 2, [](F f, A) { return y(f) * (1.0 - x(f) * x(f)); }),
  };
}

}  // namespace triad::graph::ops
