#include "sim/graph/op.hpp"

#include <stdexcept>

#include "sim/graph/ops/tables.hpp"

namespace triad::graph {
namespace {

/// All tables, in the order of OpKind.
std::vector<OpDefinition> all() {
  std::vector<OpDefinition> ops;
  for (const auto& table : {ops::contractions(), ops::element_wise(), ops::element_wise_gradients(), ops::rows(),
                            ops::movements(), ops::windows(), ops::indexed(), ops::losses(), ops::optimizers()}) {
    ops.insert(ops.end(), table.begin(), table.end());
  }
  OpDefinition fused{OpKind::fused, "fused", Family::formula, {}, {}, {}, {}, {}};
  fused.infer = [](std::span<const Tensor>, const Attributes&) -> std::vector<Tensor> {
    throw std::invalid_argument("made by fusion only");
  };
  ops.push_back(fused);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (static_cast<std::size_t>(ops[i].kind) != i) {
      throw std::logic_error(ops[i].name + ": the tables of ops are not in the order of OpKind");
    }
  }
  return ops;
}

const std::vector<OpDefinition>& table() {
  static const std::vector<OpDefinition> ops = all();
  return ops;
}

std::vector<Tensor> tensors(const Graph& graph, const std::vector<TensorId>& ids) {
  std::vector<Tensor> result;
  for (const TensorId id : ids) result.push_back(graph.tensor(id));
  return result;
}

/// MACs of a contraction: every output is a sum of products over k, or over a kernel's taps (those in the padding,
/// too).
std::int64_t macs(const Graph& graph, const Op& op) {
  const Shape &a = graph.tensor(op.inputs[0]).shape, &b = graph.tensor(op.inputs[1]).shape;
  switch (op.kind) {
    case OpKind::matmul:
      return elements(a) * b[b.size() - (op.flag("transpose_b") ? 2 : 1)];
    case OpKind::conv2d:  // outputs times taps; the result's shape does not tell when an epilogue follows
    case OpKind::conv2d_wgrad:
    case OpKind::conv2d_dgrad: {
      const Shape& y = op.kind == OpKind::conv2d_wgrad   ? b
                       : op.kind == OpKind::conv2d_dgrad ? a
                                                         : graph.tensor(op.outputs[0]).shape;
      const Shape& w = op.kind == OpKind::conv2d_wgrad ? op.integers("shape") : b;
      return elements(y) * w[1] * w[2] * w[3];
    }
    default:
      throw std::logic_error(op.name + ": no contraction");
  }
}

}  // namespace

std::span<const OpDefinition> definitions() {
  return table();
}

const OpDefinition& definition(OpKind kind) {
  return table().at(static_cast<std::size_t>(kind));
}

std::string to_string(OpKind kind) {
  return definition(kind).name;
}

Family family(const Op& op) {
  return definition(op.kind).family;
}

Formula formula_of(const Graph& graph, const Op& op) {
  if (op.kind == OpKind::fused) return *op.formula;
  const OpDefinition& defined = definition(op.kind);
  if (!defined.formula) throw std::invalid_argument(op.name + ": " + defined.name + " is not declared by a formula");
  return simplified(defined.formula(tensors(graph, op.inputs), op.attributes));
}

std::int64_t flops(const Graph& graph, const Op& op) {
  if (!op.members.empty()) return op.member_flops;
  switch (family(op)) {
    case Family::contraction:
      return 2 * macs(graph, op);
    case Family::formula: {
      if (op.kind == OpKind::cast) return 0;
      const Formula formula = formula_of(graph, op);
      return elements(formula.space);
    }
    case Family::window: {
      const auto& kernel = op.integers("kernel");
      const bool gradient = op.kind == OpKind::max_pool_grad || op.kind == OpKind::average_pool_grad;
      const TensorId pooled = gradient ? op.inputs[0] : op.outputs[0];
      return elements(graph.tensor(pooled).shape) * kernel[0] * kernel[1];
    }
    case Family::indexed:
      return op.kind == OpKind::scatter_add ? elements(graph.tensor(op.inputs[0]).shape) : 0;
    case Family::movement:
    case Family::view:
      return 0;
  }
  throw std::logic_error("unknown family");
}

bool is_contraction(OpKind kind) {
  return definition(kind).family == Family::contraction;
}

}  // namespace triad::graph
