#include <algorithm>
#include <numeric>

#include "sim/workload/onnx/operators.hpp"

/// Reductions over axes; all axes where none is named.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;

struct Reduced {
  std::vector<std::int64_t> axes;
  bool keep;
};

/// Axes are an attribute; of ReduceSum an input from operator set 13 on.
Reduced reduced(N node) {
  const std::size_t rank = node.rank(0);
  std::vector<std::int64_t> all(rank);
  std::iota(all.begin(), all.end(), 0);
  const bool keep = node.integer("keepdims", 1) != 0;
  if (node.has(1)) {
    const std::vector<std::int64_t> stated = node.integers(1, "the axes");
    if (!stated.empty()) return {node.axes(stated, rank), keep};
    return {node.integer("noop_with_empty_axes", 0) != 0 ? std::vector<std::int64_t>{} : all, keep};
  }
  const auto stated = node.list("axes");
  return {stated ? node.axes(*stated, rank) : all, keep};
}

/// The one number that all elements of a known value come to.
void fold(N node, const Constant& known, double first, double (*step)(double, double)) {
  const Reduced over = reduced(node);
  if (over.axes.size() != known.shape.size()) node.fail("of a known value all axes are reduced, or none is read");
  double result = first;
  for (std::size_t i = 0; i < static_cast<std::size_t>(known.size()); ++i) result = step(result, known.number(i));
  const Shape shape(over.keep ? known.shape.size() : 0, 1);
  if (known.is_real()) return node.deliver(Constant::of(shape, {static_cast<float>(result)}));
  if (!(std::abs(result) < 0x1p62)) node.fail("the result does not fit 64 bits");
  node.deliver(Constant::of_integers(shape, {static_cast<std::int64_t>(result)}));
}

template <OpKind kind>
TensorId over(N node, TensorId x) {
  const Reduced r = reduced(node);
  if (r.axes.empty()) return x;
  return node.builder().reduce(kind, node.of(graph::to_string(kind)), x, r.axes, r.keep);
}

void sum(N node) {
  if (const Constant* known = node.known(0)) return fold(node, *known, 0, [](double a, double b) { return a + b; });
  node.deliver(over<OpKind::reduce_sum>(node, node.tensor(0)));
}
void product(N node) {
  const Constant* known = node.known(0);
  if (known == nullptr) node.fail("is read of values that are known at import only");
  fold(node, *known, 1, [](double a, double b) { return a * b; });
}
void largest(N node) {
  node.deliver(over<OpKind::reduce_max>(node, node.tensor(0)));
}
void smallest(N node) {
  Builder& b = node.builder();
  const TensorId negative = b.scale(node.of("negative"), node.tensor(0), -1);
  node.deliver(b.scale(node.of("positive"), over<OpKind::reduce_max>(node, negative), -1));
}
TensorId sum_of_squares(N node) {
  const TensorId x = node.tensor(0);
  return over<OpKind::reduce_sum>(node, node.builder().op(OpKind::multiply, node.of("square"), {x, x}));
}

}  // namespace

std::vector<Operator> reduction_operators() {
  return {
      {"ReduceSum", 1, sum},
      {"ReduceMean", 1, [](N n) { n.deliver(over<OpKind::reduce_mean>(n, n.tensor(0))); }},
      {"ReduceMax", 1, largest},
      {"ReduceMin", 1, smallest},
      {"ReduceProd", 1, product},
      {"ReduceLogSumExp", 1, [](N n) { n.deliver(over<OpKind::log_sum_exp>(n, n.tensor(0))); }},
      {"ReduceSumSquare", 1, [](N n) { n.deliver(sum_of_squares(n)); }},
      {"ReduceL2", 1, [](N n) { n.deliver(n.builder().op(OpKind::sqrt, n.of("root"), {sum_of_squares(n)})); }},
  };
}

}  // namespace triad::workload::onnx_import
