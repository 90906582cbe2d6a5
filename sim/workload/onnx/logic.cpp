#include "sim/workload/onnx/operators.hpp"

/// Comparisons and masks. A boolean of the graph is fp32, 1 or 0.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;
using Test = bool (*)(double, double);

TensorId inverted(N node, TensorId mask) {
  return node.builder().offset(node.of("not"), node.builder().scale(node.of("negative"), mask, -1), 1);
}

/// kind(a, b), or with swapped operands, or its opposite. NaN compares as "not greater".
template <OpKind kind, bool swapped = false, bool opposite = false>
void comparison(N node, Test test) {
  if (node.known(0) != nullptr && node.known(1) != nullptr) {
    return node.deliver(compared(*node.known(0), *node.known(1), test));
  }
  const TensorId a = node.tensor(swapped ? 1 : 0), b = node.tensor(swapped ? 0 : 1);
  const TensorId result = node.builder().op(kind, node.of(graph::to_string(kind)), {a, b});
  node.deliver(opposite ? inverted(node, result) : result);
}

void logical_not(N node) {
  if (const Constant* known = node.known(0)) {
    return node.deliver(compared(*known, Constant::of_integers({}, {0}), [](double a, double b) { return a == b; }));
  }
  node.deliver(inverted(node, node.tensor(0)));
}

template <OpKind kind>
void both(N node, Test test) {
  if (node.known(0) != nullptr && node.known(1) != nullptr) {
    return node.deliver(compared(*node.known(0), *node.known(1), test));
  }
  node.deliver(node.builder().op(kind, node.of(graph::to_string(kind)), {node.tensor(0), node.tensor(1)}));
}

void where(N node) {
  if (node.known(0) != nullptr && node.known(1) != nullptr && node.known(2) != nullptr) {
    return node.deliver(chosen(*node.known(0), *node.known(1), *node.known(2)));
  }
  node.deliver(node.builder().op(OpKind::where, node.of("where"), {node.tensor(0), node.tensor(1), node.tensor(2)}));
}

}  // namespace

std::vector<Operator> logic_operators() {
  return {
      {"Equal", 2, [](N n) { comparison<OpKind::equal>(n, [](double a, double b) { return a == b; }); }},
      {"Greater", 2, [](N n) { comparison<OpKind::greater>(n, [](double a, double b) { return a > b; }); }},
      {"Less", 2, [](N n) { comparison<OpKind::greater, true>(n, [](double a, double b) { return a < b; }); }},
      {"GreaterOrEqual", 2,
       [](N n) { comparison<OpKind::greater, true, true>(n, [](double a, double b) { return a >= b; }); }},
      {"LessOrEqual", 2,
       [](N n) { comparison<OpKind::greater, false, true>(n, [](double a, double b) { return a <= b; }); }},
      {"Not", 1, logical_not},
      {"And", 2, [](N n) { both<OpKind::multiply>(n, [](double a, double b) { return a != 0 && b != 0; }); }},
      {"Or", 2, [](N n) { both<OpKind::maximum>(n, [](double a, double b) { return a != 0 || b != 0; }); }},
      {"Where", 3, where},
  };
}

}  // namespace triad::workload::onnx_import
