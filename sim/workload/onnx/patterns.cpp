#include "sim/workload/onnx/patterns.hpp"

#include <cmath>

namespace triad::workload::onnx_import {
namespace {

/// The op of this kind that makes the tensor, or nullptr. Valid until the next op is appended.
const graph::Op* made_by(const Node& node, TensorId tensor, OpKind kind) {
  const graph::Op* op = maker(node.builder().graph(), tensor);
  return op != nullptr && op->kind == kind ? op : nullptr;
}

/// The mean that keeps its axes.
const graph::Op* mean_of(const Node& node, TensorId tensor) {
  const graph::Op* op = made_by(node, tensor, OpKind::reduce_mean);
  return op != nullptr && op->flag("keep") ? op : nullptr;
}

}  // namespace

std::optional<TensorId> normalization(const Node& node, TensorId a, TensorId b) {
  const graph::Op* root = made_by(node, b, OpKind::sqrt);
  const graph::Op* sum = root ? made_by(node, root->inputs[0], OpKind::offset) : nullptr;
  const graph::Op* variance = sum ? mean_of(node, sum->inputs[0]) : nullptr;
  const graph::Op* square = variance ? made_by(node, variance->inputs[0], OpKind::multiply) : nullptr;
  if (square == nullptr || square->inputs[0] != a || square->inputs[1] != a) return std::nullopt;
  const graph::Op* centred = made_by(node, a, OpKind::subtract);
  const graph::Op* mean = centred ? mean_of(node, centred->inputs[1]) : nullptr;
  if (mean == nullptr || mean->inputs[0] != centred->inputs[0]) return std::nullopt;
  if (mean->integers("axes") != variance->integers("axes")) return std::nullopt;
  const Attributes attributes = {{"axes", mean->integers("axes")}, {"epsilon", sum->number("addend")}};
  return node.builder().op(OpKind::normalize, node.of("normalize"), {mean->inputs[0]}, attributes);
}

std::optional<TensorId> gelu(const Node& node, TensorId a, double factor) {
  if (factor != 0.5) return std::nullopt;
  const graph::Op* product = made_by(node, a, OpKind::multiply);
  const graph::Op* sum = product ? made_by(node, product->inputs[1], OpKind::offset) : nullptr;
  const graph::Op* erf = sum && sum->number("addend") == 1 ? made_by(node, sum->inputs[0], OpKind::erf) : nullptr;
  const graph::Op* divided = erf ? made_by(node, erf->inputs[0], OpKind::divide) : nullptr;
  if (divided == nullptr || divided->inputs[0] != product->inputs[0]) return std::nullopt;
  const graph::Tensor& divisor = node.builder().graph().tensor(divided->inputs[1]);
  const bool root = divisor.role == graph::Role::constant && graph::elements(divisor.shape) == 1 &&
                    std::abs(divisor.fill - std::sqrt(2.0)) < 1e-6;
  if (!root) return std::nullopt;
  return node.builder().op(OpKind::gelu, node.of("gelu"), {product->inputs[0]});
}

std::optional<TensorId> silu(const Node& node, TensorId a, TensorId b) {
  for (const auto& [x, gate] : {std::pair{a, b}, {b, a}}) {
    const graph::Op* sigmoid = made_by(node, gate, OpKind::sigmoid);
    if (sigmoid != nullptr && sigmoid->inputs[0] == x) {
      return node.builder().op(OpKind::silu, node.of("silu"), {x});
    }
  }
  return std::nullopt;
}

}  // namespace triad::workload::onnx_import
