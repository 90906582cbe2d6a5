#include <algorithm>
#include <cmath>

#include "sim/workload/onnx/operators.hpp"
#include "sim/workload/onnx/patterns.hpp"

/// Arithmetic of two or more operands, and functions of one, computed at import where the operands are known.
namespace triad::workload::onnx_import {
namespace {

/// A known operand of one element that does not make the result larger than `other`.
std::optional<double> scalar(const Node& node, std::size_t input, std::size_t other) {
  const Constant* known = node.known(input);
  if (known == nullptr || known->size() != 1 || known->shape.size() > node.rank(other)) return std::nullopt;
  return known->number(0);
}

bool both_known(const Node& node) {
  return node.known(0) != nullptr && node.known(1) != nullptr;
}

/// In 64 bits, around the end like two's complement.
std::int64_t wrapped(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

void add(const Node& node) {
  if (both_known(node)) {
    return node.deliver(combined(
        *node.known(0), *node.known(1),
        [](std::int64_t a, std::int64_t b) {
          return wrapped(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
        },
        std::plus<double>()));
  }
  for (const std::size_t i : {0u, 1u}) {
    const std::optional<double> addend = scalar(node, i, 1 - i);
    if (addend) return node.deliver(node.builder().offset(node.of("add"), node.tensor(1 - i), *addend));
  }
  node.deliver(node.builder().op(OpKind::add, node.of("add"), {node.tensor(0), node.tensor(1)}));
}

void subtract(const Node& node) {
  if (both_known(node)) {
    return node.deliver(combined(
        *node.known(0), *node.known(1),
        [](std::int64_t a, std::int64_t b) {
          return wrapped(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
        },
        std::minus<double>()));
  }
  const std::optional<double> subtrahend = scalar(node, 1, 0);
  if (subtrahend) return node.deliver(node.builder().offset(node.of("subtract"), node.tensor(0), -*subtrahend));
  node.deliver(node.builder().op(OpKind::subtract, node.of("subtract"), {node.tensor(0), node.tensor(1)}));
}

void multiply(const Node& node) {
  if (both_known(node)) {
    return node.deliver(combined(
        *node.known(0), *node.known(1),
        [](std::int64_t a, std::int64_t b) {
          return wrapped(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
        },
        std::multiplies<double>()));
  }
  for (const std::size_t i : {0u, 1u}) {
    const std::optional<double> factor = scalar(node, i, 1 - i);
    if (!factor) continue;
    const TensorId x = node.tensor(1 - i);
    const std::optional<TensorId> found = gelu(node, x, *factor);
    return node.deliver(found ? *found : node.builder().scale(node.of("multiply"), x, *factor));
  }
  if (const std::optional<TensorId> found = silu(node, node.tensor(0), node.tensor(1))) return node.deliver(*found);
  node.deliver(node.builder().op(OpKind::multiply, node.of("multiply"), {node.tensor(0), node.tensor(1)}));
}

void divide(const Node& node) {
  if (both_known(node)) {
    return node.deliver(combined(
        *node.known(0), *node.known(1),
        [&](std::int64_t a, std::int64_t b) {
          if (b == 0) node.fail("a whole number is divided by zero");
          return b == -1 ? wrapped(0 - static_cast<std::uint64_t>(a)) : a / b;
        },
        std::divides<double>()));
  }
  const TensorId a = node.tensor(0), b = node.tensor(1);
  const std::optional<TensorId> found = normalization(node, a, b);
  node.deliver(found ? *found : node.builder().op(OpKind::divide, node.of("divide"), {a, b}));
}

void mod(const Node& node) {
  if (!both_known(node)) node.fail("is read of values that are known at import only");
  const bool by_sign_of_dividend = node.integer("fmod", 0) != 0;
  node.deliver(combined(
      *node.known(0), *node.known(1),
      [&](std::int64_t a, std::int64_t b) -> std::int64_t {
        if (b == 0) node.fail("a whole number is divided by zero");
        if (b == -1) return 0;
        const std::int64_t rest = a % b;
        return !by_sign_of_dividend && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
      },
      [](double a, double b) { return std::fmod(a, b); }));
}

void power(const Node& node) {
  if (both_known(node)) {
    return node.deliver(combined(
        *node.known(0), *node.known(1),
        [](std::int64_t a, std::int64_t b) {
          const double value = std::pow(static_cast<double>(a), static_cast<double>(b));
          return std::abs(value) < 0x1p62 ? static_cast<std::int64_t>(value) : 0;
        },
        [](double a, double b) { return std::pow(a, b); }));
  }
  const double exponent = node.number(1, "the exponent");
  if (exponent == 2) {  // as PyTorch: x * x
    const TensorId x = node.tensor(0);
    return node.deliver(node.builder().op(OpKind::multiply, node.of("square"), {x, x}));
  }
  node.deliver(node.builder().op(OpKind::pow, node.of("pow"), {node.tensor(0)}, {{"exponent", exponent}}));
}

/// Of one or more operands, from the left.
template <OpKind kind>
void extremum(const Node& node) {
  constexpr bool largest = kind == OpKind::maximum;
  const auto better = [](auto a, auto b) { return largest ? std::max(a, b) : std::min(a, b); };
  ValuePtr result = node.value(0);
  for (std::size_t i = 1; i < node.inputs(); ++i) {
    const ValuePtr next = node.value(i);
    const Constant *a = Node::known(*result), *b = Node::known(*next);
    auto value = std::make_shared<Value>();
    value->name = node.of("extremum" + std::to_string(i));
    if (a != nullptr && b != nullptr) {
      value->constant = std::make_shared<const Constant>(combined(*a, *b, better, better));
    } else {
      value->tensor = node.builder().op(kind, value->name, {node.tensor(*result), node.tensor(*next)});
    }
    result = value;
  }
  node.deliver(result);
}

TensorId sum_of(const Node& node) {
  TensorId sum = node.tensor(0);
  for (std::size_t i = 1; i < node.inputs(); ++i) sum = node.builder().add(node.of("sum"), sum, node.tensor(i));
  return sum;
}
void sum(const Node& node) {
  node.deliver(sum_of(node));
}
void mean(const Node& node) {
  node.deliver(node.builder().scale(node.of("mean"), sum_of(node), 1.0 / static_cast<double>(node.inputs())));
}

/// A function of one operand that is one op of the graph.
template <OpKind kind>
void unary(const Node& node, double (*function)(double)) {
  if (const Constant* known = node.known(0)) return node.deliver(mapped(*known, function));
  node.deliver(node.builder().op(kind, node.of(graph::to_string(kind)), {node.tensor(0)}));
}

/// Of values known at import only.
void known_only(const Node& node, double (*function)(double)) {
  const Constant* known = node.known(0);
  if (known == nullptr) node.fail("is read of values that are known at import only");
  if (!known->is_real()) return node.deliver(node.value(0));
  node.deliver(mapped(*known, function));
}

void negate(const Node& node) {
  if (const Constant* known = node.known(0)) {
    return node.deliver(combined(
        *known, Constant::of_integers({}, {-1}),
        [](std::int64_t a, std::int64_t) { return wrapped(0 - static_cast<std::uint64_t>(a)); },
        [](double a, double) { return -a; }));
  }
  node.deliver(node.builder().scale(node.of("negate"), node.tensor(0), -1));
}

void reciprocal(const Node& node) {
  if (const Constant* known = node.known(0)) return node.deliver(mapped(*known, [](double x) { return 1 / x; }));
  node.deliver(node.builder().op(OpKind::pow, node.of("reciprocal"), {node.tensor(0)}, {{"exponent", -1.0}}));
}

void absolute(const Node& node) {
  const Constant* known = node.known(0);
  if (known != nullptr && !known->is_real()) {
    return node.deliver(combined(
        *known, *known,
        [](std::int64_t a, std::int64_t) { return a < 0 ? wrapped(0 - static_cast<std::uint64_t>(a)) : a; },
        [](double a, double) { return a; }));
  }
  unary<OpKind::absolute>(node, [](double x) { return std::abs(x); });
}

}  // namespace

std::vector<Operator> arithmetic_operators() {
  using N = const Node&;
  return {
      {"Add", 2, add},
      {"Sub", 2, subtract},
      {"Mul", 2, multiply},
      {"Div", 2, divide},
      {"Mod", 2, mod},
      {"Pow", 2, power},
      {"Max", 1, extremum<OpKind::maximum>},
      {"Min", 1, extremum<OpKind::minimum>},
      {"Sum", 1, sum},
      {"Mean", 1, mean},
      {"Neg", 1, negate},
      {"Abs", 1, absolute},
      {"Reciprocal", 1, reciprocal},
      {"Exp", 1, [](N node) { unary<OpKind::exp>(node, [](double x) { return std::exp(x); }); }},
      {"Log", 1, [](N node) { unary<OpKind::log>(node, [](double x) { return std::log(x); }); }},
      {"Sqrt", 1, [](N node) { unary<OpKind::sqrt>(node, [](double x) { return std::sqrt(x); }); }},
      {"Erf", 1, [](N node) { unary<OpKind::erf>(node, [](double x) { return std::erf(x); }); }},
      {"Floor", 1, [](N node) { known_only(node, [](double x) { return std::floor(x); }); }},
      {"Ceil", 1, [](N node) { known_only(node, [](double x) { return std::ceil(x); }); }},
      {"Round", 1, [](N node) { known_only(node, [](double x) { return std::nearbyint(x); }); }},
      {"Sin", 1, [](N node) { known_only(node, [](double x) { return std::sin(x); }); }},
      {"Cos", 1, [](N node) { known_only(node, [](double x) { return std::cos(x); }); }},
  };
}

}  // namespace triad::workload::onnx_import
