#include "sim/graph/examples.hpp"

#include <algorithm>

#include "sim/graph/passes.hpp"

namespace triad::graph {
namespace {

using numerics::Format;
using Integers = std::vector<std::int64_t>;

/// An operand of an example.
struct Operand {
  const char* name;
  Shape shape;
  Format format = Format::fp32;
};

Example example(OpKind kind, const std::string& variant, const std::vector<Operand>& operands,
                Attributes attributes = {}) {
  Example made{variant, {}};
  std::vector<TensorId> inputs;
  for (const auto& [name, shape, format] : operands) {
    inputs.push_back(made.graph.add_tensor({name, shape, format, Role::input}));
  }
  const bool updates = kind == OpKind::sgd || kind == OpKind::adam;
  const bool gradient =
      to_string(kind).ends_with("_grad") || kind == OpKind::conv2d_wgrad || kind == OpKind::scatter_add;
  const Phase phase = updates ? Phase::update : gradient ? Phase::backward : Phase::forward;
  made.graph.add_op(kind, to_string(kind), inputs, std::move(attributes), phase);
  return made;
}

/// The same with operands of other formats.
void in_formats(std::vector<Example>& all, OpKind kind, const std::vector<Operand>& operands,
                const Attributes& attributes) {
  const bool backward = kind == OpKind::conv2d_dgrad || kind == OpKind::conv2d_wgrad;
  for (const Format format : {Format::bf16, Format::fp16, Format::int8}) {
    if (backward && format == Format::int8) continue;
    std::vector<Operand> other = operands;
    for (Operand& operand : other) operand.format = format;
    all.push_back(example(kind, numerics::to_string(format), other, attributes));
  }
}

std::vector<Example> matmuls() {
  const OpKind kind = OpKind::matmul;
  const std::vector<Operand> plain = {{"a", {5, 7}}, {"b", {7, 6}}};
  std::vector<Example> all = {
      example(kind, "", plain),
      example(kind, "transpose_a", {{"a", {7, 5}}, {"b", {7, 6}}}, {{"transpose_a", true}}),
      example(kind, "transpose_b", {{"a", {5, 7}}, {"b", {6, 7}}}, {{"transpose_b", true}}),
      example(kind, "batched", {{"a", {2, 3, 5, 7}}, {"b", {2, 3, 7, 6}}}),
  };
  in_formats(all, kind, plain, {});
  return all;
}

/// Of conv2d and its gradients, which take the shape of their result from x [2, 4, 9, 8] and w [6, 4, 3, 3].
std::vector<Example> convolutions(OpKind kind) {
  struct Case {
    const char* variant;
    Shape x, w, y;
    Attributes attributes;
  };
  const Case cases[] = {
      {"", {2, 4, 9, 8}, {6, 4, 3, 3}, {2, 6, 7, 6}, {}},
      {"1x1", {2, 4, 9, 8}, {6, 4, 1, 1}, {2, 6, 9, 8}, {}},
      {"stride", {2, 4, 9, 8}, {6, 4, 3, 3}, {2, 6, 4, 3}, {{"stride", Integers{2, 2}}}},
      {"padding", {2, 4, 9, 8}, {6, 4, 3, 3}, {2, 6, 9, 8}, {{"padding", Integers{1, 1}}}},
      {"dilation", {2, 4, 9, 8}, {6, 4, 3, 3}, {2, 6, 5, 4}, {{"dilation", Integers{2, 2}}}},
      {"grouped", {2, 4, 9, 8}, {6, 2, 3, 3}, {2, 6, 7, 6}, {{"groups", std::int64_t{2}}}},
      {"depthwise", {2, 4, 9, 8}, {4, 1, 3, 3}, {2, 4, 7, 6}, {{"groups", std::int64_t{4}}}},
      {"1-D", {2, 4, 1, 8}, {6, 4, 1, 3}, {2, 6, 1, 6}, {}},
  };
  std::vector<Example> all;
  for (const Case& c : cases) {
    Attributes attributes = c.attributes;
    std::vector<Operand> operands = {{"x", c.x}, {"w", c.w}};
    if (kind == OpKind::conv2d_dgrad) {
      operands = {{"dy", c.y}, {"w", c.w}};
      attributes["shape"] = c.x;
    } else if (kind == OpKind::conv2d_wgrad) {
      operands = {{"x", c.x}, {"dy", c.y}};
      attributes["shape"] = c.w;
    }
    all.push_back(example(kind, c.variant, operands, attributes));
    if (&c == cases) in_formats(all, kind, operands, attributes);
  }
  return all;
}

/// Attributes that a kind requires, or that are told apart.
std::vector<std::pair<const char*, Attributes>> element_wise_attributes(OpKind kind) {
  switch (kind) {
    case OpKind::scale:
      return {{"", {{"factor", 0.5}}}};
    case OpKind::offset:
      return {{"", {{"addend", 0.5}}}};
    case OpKind::pow:
    case OpKind::pow_grad:
      return {{"", {{"exponent", 2.0}}}, {"real exponent", {{"exponent", 1.7}}}};
    case OpKind::clamp:
    case OpKind::clamp_grad:
      return {{"", {{"low", -0.5}, {"high", 0.5}}}};
    case OpKind::gelu:
    case OpKind::gelu_grad:
      return {{"", {}}, {"tanh", {{"approximate", std::string("tanh")}}}};
    default:
      return {{"", {}}};
  }
}

std::vector<Example> element_wise(OpKind kind) {
  const Shape shape = {3, 4, 5};
  std::vector<Operand> operands = {{"x", shape}};
  const bool binary = kind == OpKind::add || kind == OpKind::subtract || kind == OpKind::multiply ||
                      kind == OpKind::divide || kind == OpKind::maximum || kind == OpKind::minimum ||
                      kind == OpKind::greater || kind == OpKind::equal;
  const bool gradient = kind >= OpKind::absolute_grad && kind <= OpKind::tanh_grad;
  if (binary || gradient) operands.push_back({gradient ? "dy" : "y", shape});
  std::vector<Example> all;
  for (const auto& [variant, attributes] : element_wise_attributes(kind)) {
    all.push_back(example(kind, variant, operands, attributes));
  }
  if (binary) all.push_back(example(kind, "broadcast", {{"x", shape}, {"y", {4, 1}}}));
  if (kind == OpKind::equal || kind == OpKind::greater) {
    all.push_back(example(kind, "int32", {{"x", shape, Format::int32}, {"y", shape, Format::int32}}));
  }
  return all;
}

std::vector<Example> casts() {
  std::vector<Example> all;
  const auto cast = [&](const char* variant, Format from, const char* to) {
    all.push_back(example(OpKind::cast, variant, {{"x", {4, 6}, from}}, {{"format", std::string(to)}}));
  };
  cast("", Format::fp32, "bf16");
  cast("fp16", Format::fp32, "fp16");
  cast("from bf16", Format::bf16, "fp32");
  cast("from fp16", Format::fp16, "fp32");
  cast("from int32", Format::int32, "fp32");
  return all;
}

std::vector<Example> rows(OpKind kind) {
  const Shape shape = {3, 4, 5};
  std::vector<Example> all;
  for (const auto& [variant, axes, row] :
       {std::tuple{"", Integers{2}, Shape{3, 4, 1}}, std::tuple{"first axis", Integers{0}, Shape{1, 4, 5}},
        std::tuple{"outer and inner axis", Integers{0, 2}, Shape{1, 4, 1}}}) {
    std::vector<Operand> operands = {{"x", shape}};
    if (kind == OpKind::softmax_grad || kind == OpKind::log_softmax_grad) operands.push_back({"dy", shape});
    if (kind == OpKind::reduce_max_grad) operands.insert(operands.end(), {{"y", row}, {"dy", row}});
    if (kind == OpKind::normalize_grad) operands.insert(operands.end(), {{"variance", row}, {"dy", shape}});
    all.push_back(example(kind, variant, operands, {{"axes", axes}}));
  }
  return all;
}

std::vector<Example> movements(OpKind kind) {
  const std::vector<Operand> x = {{"x", {3, 4, 5}}};
  const auto one = [&](Attributes attributes) { return std::vector{example(kind, "", x, std::move(attributes))}; };
  switch (kind) {
    case OpKind::reshape:
      return one({{"shape", Shape{12, 5}}});
    case OpKind::transpose:
      return {example(kind, "", x, {{"permutation", Integers{0, 2, 1}}}),
              example(kind, "outer axes", x, {{"permutation", Integers{1, 0, 2}}}),
              example(kind, "bf16", {{"x", {3, 4, 5}, Format::bf16}}, {{"permutation", Integers{0, 2, 1}}})};
    case OpKind::slice:
      return {
          example(kind, "", x, {{"begin", Integers{1, 0, 2}}, {"end", Integers{3, 4, 5}}, {"step", Integers{1, 1, 1}}}),
          example(kind, "step", x,
                  {{"begin", Integers{0, 0, 0}}, {"end", Integers{3, 4, 5}}, {"step", Integers{1, 2, 3}}})};
    case OpKind::concat:
      return {example(kind, "", {{"x", {3, 4, 5}}, {"y", {3, 2, 5}}}, {{"axis", std::int64_t{1}}}),
              example(kind, "last axis", {{"x", {3, 4}}, {"y", {3, 2}}, {"z", {3, 5}}}, {{"axis", std::int64_t{1}}})};
    case OpKind::pad:
      return {example(kind, "", x,
                      {{"before", Integers{0, 1, 2}}, {"after", Integers{0, 1, 0}}, {"interior", Integers{0, 0, 0}}}),
              example(kind, "interior", x,
                      {{"before", Integers{0, 0, 0}}, {"after", Integers{0, 0, 1}}, {"interior", Integers{0, 1, 1}}})};
    default:
      return {example(kind, "", {{"x", {4, 1}}}, {{"shape", Shape{3, 4, 5}}})};
  }
}

std::vector<Example> windows(OpKind kind) {
  const Shape x = {2, 3, 7, 8};
  std::vector<Example> all;
  const auto add = [&](const char* variant, Attributes attributes, const Shape& y) {
    std::vector<Operand> operands = {{"x", x}};
    if (kind == OpKind::max_pool_grad) operands = {{"argument", y}, {"dy", y}};
    if (kind == OpKind::average_pool_grad) operands = {{"dy", y}};
    if (kind == OpKind::max_pool_grad || kind == OpKind::average_pool_grad) attributes["shape"] = x;
    all.push_back(example(kind, variant, operands, attributes));
  };
  add("", {{"kernel", Integers{2, 2}}, {"stride", Integers{2, 2}}}, {2, 3, 3, 4});
  add("overlapping, padded", {{"kernel", Integers{3, 3}}, {"stride", Integers{2, 2}}, {"padding", Integers{1, 1}}},
      {2, 3, 4, 4});
  add("whole", {{"kernel", Integers{7, 8}}, {"stride", Integers{1, 1}}}, {2, 3, 1, 1});
  return all;
}

std::vector<Example> losses(OpKind kind) {
  const Operand classes{"classes", {6}, Format::int32};
  switch (kind) {
    case OpKind::cross_entropy:
      return {example(kind, "", {{"logits", {6, 5}}, classes})};
    case OpKind::cross_entropy_grad:
      return {example(kind, "", {{"logits", {6, 5}}, classes, {"dloss", {6}}})};
    case OpKind::mse_grad:
    case OpKind::l1_grad:
    case OpKind::bce_with_logits_grad:
      return {example(kind, "", {{"prediction", {6, 5}}, {"target", {6, 5}}, {"dloss", {}}})};
    default:
      return {example(kind, "", {{"prediction", {6, 5}}, {"target", {6, 5}}})};
  }
}

std::vector<Example> optimizers(OpKind kind) {
  const Operand p{"p", {5, 6}}, g{"g", {5, 6}}, rate{"rate", {}};
  if (kind == OpKind::sgd) {
    const Operand velocity{"velocity", {5, 6}};
    return {example(kind, "", {p, g, rate}), example(kind, "momentum", {p, g, rate, velocity}, {{"momentum", 0.9}}),
            example(kind, "nesterov", {p, g, rate, velocity},
                    {{"momentum", 0.9}, {"nesterov", true}, {"weight_decay", 0.1}})};
  }
  const std::vector<Operand> all = {p, g, rate, {"correction1", {}}, {"correction2", {}}, {"m", {5, 6}}, {"v", {5, 6}}};
  return {example(kind, "", all), example(kind, "AdamW", all, {{"weight_decay", 0.1}, {"decoupled", true}})};
}

/// A chain over rows, fused, and a contraction with an epilogue.
std::vector<Example> fusions() {
  Graph rows;
  const TensorId x = rows.add_tensor({"x", {6, 5}, Format::fp32, Role::input});
  const TensorId bias = rows.add_tensor({"bias", {5}, Format::fp32, Role::input});
  const TensorId sum = rows.add_op(OpKind::add, "add", {x, bias})[0];
  const TensorId act = rows.add_op(OpKind::relu, "relu", {sum})[0];
  rows.add_op(OpKind::softmax, "softmax", {act}, {{"axes", Integers{1}}});
  return {{"", fuse(rows, {})}};
}

}  // namespace

std::vector<Example> examples(OpKind kind) {
  const Shape indices = {2, 3};
  switch (kind) {
    case OpKind::matmul:
      return matmuls();
    case OpKind::conv2d:
    case OpKind::conv2d_dgrad:
    case OpKind::conv2d_wgrad:
      return convolutions(kind);
    case OpKind::where:
      return {example(kind, "", {{"mask", {3, 1, 5}}, {"x", {3, 4, 5}}, {"y", {}}})};
    case OpKind::dropout:
      return {example(kind, "", {{"x", {3, 4, 5}}, {"step", {}, Format::int32}},
                      {{"probability", 0.5}, {"seed", std::int64_t{1}}})};
    case OpKind::cast:
      return casts();
    case OpKind::quantize:
      return {example(kind, "", {{"x", {4, 6}}, {"scale", {}}})};
    case OpKind::dequantize:
      return {example(kind, "", {{"x", {4, 6}, Format::int32}, {"scale", {4, 1}}}),
              example(kind, "int8", {{"x", {4, 6}, Format::int8}, {"scale", {}}})};
    case OpKind::reduce_sum:
    case OpKind::reduce_mean:
    case OpKind::reduce_max:
    case OpKind::reduce_max_grad:
    case OpKind::log_sum_exp:
    case OpKind::softmax:
    case OpKind::softmax_grad:
    case OpKind::log_softmax:
    case OpKind::log_softmax_grad:
    case OpKind::normalize:
    case OpKind::normalize_grad:
      return rows(kind);
    case OpKind::reshape:
    case OpKind::transpose:
    case OpKind::slice:
    case OpKind::concat:
    case OpKind::pad:
    case OpKind::broadcast:
      return movements(kind);
    case OpKind::max_pool:
    case OpKind::max_pool_grad:
    case OpKind::average_pool:
    case OpKind::average_pool_grad:
      return windows(kind);
    case OpKind::gather:
      return {example(kind, "", {{"table", {5, 4}}, {"indices", indices, Format::int32}})};
    case OpKind::scatter_add:
      return {example(kind, "", {{"dy", {2, 3, 4}}, {"indices", indices, Format::int32}}, {{"rows", std::int64_t{5}}})};
    case OpKind::mse:
    case OpKind::mse_grad:
    case OpKind::l1:
    case OpKind::l1_grad:
    case OpKind::bce_with_logits:
    case OpKind::bce_with_logits_grad:
    case OpKind::cross_entropy:
    case OpKind::cross_entropy_grad:
      return losses(kind);
    case OpKind::sgd:
    case OpKind::adam:
      return optimizers(kind);
    case OpKind::fused:
      return fusions();
    default:
      return element_wise(kind);
  }
}

std::optional<Graph> backward_of(const Example& example) {
  Graph graph = example.graph;
  const Op op = example.op();
  const GradientRule& rule = definition(op.kind).gradient;
  if (!rule) return std::nullopt;
  std::vector<bool> wanted;
  for (const TensorId input : op.inputs) {
    const Format format = graph.tensor(input).format;
    if (format == Format::int8) return std::nullopt;
    wanted.push_back(format != Format::int32);
  }
  const bool pair = op.kind == OpKind::bce_with_logits;  // no gradient for its target
  if (pair) wanted[1] = false;
  std::vector<TensorId> gradients(op.outputs.size(), -1);
  gradients[0] = graph.add_tensor({op.name + ".grad", graph.tensor(op.outputs[0]).shape, Format::fp32, Role::input});
  rule(graph, op, gradients, wanted);
  for (const TensorId output : op.outputs) graph.tensors[static_cast<std::size_t>(output)].role = Role::input;
  std::vector<Op> ops(graph.ops.begin() + 1, graph.ops.end());
  graph.replace_ops(std::move(ops));
  return graph;
}

}  // namespace triad::graph
