#include <cmath>

#include "sim/workload/onnx/operators.hpp"

/// Activations, softmax and dropout.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;

template <OpKind kind>
void one_op(N node) {
  node.deliver(node.builder().op(kind, node.of(graph::to_string(kind)), {node.tensor(0)}));
}

void leaky_relu(N node) {
  node.deliver(node.builder().op(OpKind::leaky_relu, node.of("leaky_relu"), {node.tensor(0)},
                                 {{"slope", node.number("alpha", 0.01)}}));
}

TensorId clamped(N node, const std::string& part, TensorId x, double low, double high) {
  return node.builder().op(OpKind::clamp, node.of(part), {x}, {{"low", low}, {"high", high}});
}

/// Bounds are attributes up to operator set 10, inputs from 11 on.
void clip(N node) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double low = node.has(1) ? node.number(1, "min") : node.number("min", -infinity);
  const double high = node.has(2) ? node.number(2, "max") : node.number("max", infinity);
  if (!(low <= high)) node.fail("min must not be above max");
  if (const Constant* known = node.known(0)) {
    return node.deliver(combined(
        *known, Constant::of_integers({}, {0}),
        [&](std::int64_t x, std::int64_t) {
          if (static_cast<double>(x) < low) return static_cast<std::int64_t>(low);
          return static_cast<double>(x) > high ? static_cast<std::int64_t>(high) : x;
        },
        [&](double x, double) { return std::min(std::max(x, low), high); }));
  }
  // PyTorch's lowest and largest floats stand for no bound.
  const double largest = std::numeric_limits<float>::max();
  node.deliver(
      clamped(node, "clip", node.tensor(0), low <= -largest ? -infinity : low, high >= largest ? infinity : high));
}

/// gamma (max(x, 0) + alpha (e^(min(x, 0) / divisor) - 1)): ELU, CELU and SELU.
TensorId exponential_unit(N node, double alpha, double divisor, double gamma) {
  Builder& b = node.builder();
  const TensorId x = node.tensor(0);
  TensorId below = clamped(node, "negative", x, -std::numeric_limits<double>::infinity(), 0);
  if (divisor != 1) below = b.scale(node.of("divide"), below, 1 / divisor);
  below = b.offset(node.of("offset"), b.op(OpKind::exp, node.of("exp"), {below}), -1);
  if (alpha != 1) below = b.scale(node.of("scale"), below, alpha);
  const TensorId y = b.add(node.of("add"), b.op(OpKind::relu, node.of("relu"), {x}), below);
  return gamma == 1 ? y : b.scale(node.of("gamma"), y, gamma);
}
void elu(N node) {
  node.deliver(exponential_unit(node, node.number("alpha", 1), 1, 1));
}
void celu(N node) {
  const double alpha = node.number("alpha", 1);
  if (!(alpha > 0)) node.fail("alpha must be positive");
  node.deliver(exponential_unit(node, alpha, alpha, 1));
}
/// Constants: Klambauer et al., "Self-Normalizing Neural Networks", 2017, as ONNX rounds them.
void selu(N node) {
  node.deliver(exponential_unit(node, node.number("alpha", 1.67326319217681884765625), 1,
                                node.number("gamma", 1.05070102214813232421875)));
}

/// x / (1 + |x|)
void softsign(N node) {
  Builder& b = node.builder();
  const TensorId x = node.tensor(0);
  const TensorId divisor = b.offset(node.of("offset"), b.op(OpKind::absolute, node.of("absolute"), {x}), 1);
  node.deliver(b.op(OpKind::divide, node.of("divide"), {x, divisor}));
}

/// max(x, 0) + log(1 + e^-|x|), which does not overflow.
void softplus(N node) {
  Builder& b = node.builder();
  const TensorId x = node.tensor(0);
  const TensorId magnitude = b.scale(node.of("negative"), b.op(OpKind::absolute, node.of("absolute"), {x}), -1);
  const TensorId e = b.offset(node.of("offset"), b.op(OpKind::exp, node.of("exp"), {magnitude}), 1);
  node.deliver(b.add(node.of("add"), b.op(OpKind::relu, node.of("relu"), {x}), b.op(OpKind::log, node.of("log"), {e})));
}

TensorId hard_sigmoid_of(N node, double alpha, double beta) {
  const TensorId line =
      node.builder().offset(node.of("offset"), node.builder().scale(node.of("scale"), node.tensor(0), alpha), beta);
  return clamped(node, "clip", line, 0, 1);
}
void hard_sigmoid(N node) {
  node.deliver(hard_sigmoid_of(node, node.number("alpha", 0.2), node.number("beta", 0.5)));
}
void hard_swish(N node) {
  const TensorId gate = hard_sigmoid_of(node, 1.0 / 6, 0.5);
  node.deliver(node.builder().op(OpKind::multiply, node.of("multiply"), {node.tensor(0), gate}));
}

/// The slope broadcasts; [C] of torch stands as [C, 1, 1].
void prelu(N node) {
  Builder& b = node.builder();
  const TensorId x = node.tensor(0), slope = node.tensor(1);
  const double infinity = std::numeric_limits<double>::infinity();
  const TensorId below = clamped(node, "negative", x, -infinity, 0);
  const TensorId scaled = b.op(OpKind::multiply, node.of("multiply"), {below, slope});
  node.deliver(b.add(node.of("add"), b.op(OpKind::relu, node.of("relu"), {x}), scaled));
}

/// Up to operator set 12 over all axes from `axis` on together, then over that one.
template <OpKind kind>
void softmax(N node) {
  const TensorId x = node.tensor(0);
  const std::size_t rank = node.builder().shape(x).size();
  const std::size_t first = node.axis(node.integer("axis", node.opset() < 13 ? 1 : -1), rank);
  std::vector<std::int64_t> axes = {static_cast<std::int64_t>(first)};
  if (node.opset() < 13) {
    for (std::size_t axis = first + 1; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  }
  node.deliver(node.builder().op(kind, node.of(graph::to_string(kind)), {x}, {{"axes", axes}}));
}

/// FNV-1a, 32 bits: the seed of a dropout is its name's.
std::int64_t seed_of(const std::string& name) {
  std::uint32_t hash = 0x811c9dc5u;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x01000193u;
  return hash;
}

/// Active in training: an attribute up to operator set 11, inputs from 12 on, where `training_mode` says so.
void dropout(N node) {
  const double ratio = node.has(1) ? node.number(1, "the ratio") : node.number("ratio", 0.5);
  const bool training = node.opset() < 12 || (node.has(2) && node.number(2, "training_mode") != 0);
  if (ratio == 0 || !training || node.builder().inference()) return node.deliver(node.value(0));
  Builder& b = node.builder();
  node.deliver(b.op(OpKind::dropout, node.of("dropout"), {node.tensor(0), b.step()},
                    {{"probability", ratio}, {"seed", seed_of(node.name())}}));
}

}  // namespace

std::vector<Operator> activation_operators() {
  return {
      {"Relu", 1, one_op<OpKind::relu>},
      {"LeakyRelu", 1, leaky_relu},
      {"PRelu", 2, prelu},
      {"Elu", 1, elu},
      {"Celu", 1, celu},
      {"Selu", 1, selu},
      {"Softsign", 1, softsign},
      {"Sigmoid", 1, one_op<OpKind::sigmoid>},
      {"Tanh", 1, one_op<OpKind::tanh>},
      {"Softplus", 1, softplus},
      {"HardSigmoid", 1, hard_sigmoid},
      {"HardSwish", 1, hard_swish},
      {"Clip", 1, clip},
      {"Softmax", 1, softmax<OpKind::softmax>},
      {"LogSoftmax", 1, softmax<OpKind::log_softmax>},
      {"Dropout", 1, dropout},
  };
}

}  // namespace triad::workload::onnx_import
