#include "sim/graph/graph.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "sim/graph/examples.hpp"
#include "sim/graph/op.hpp"

namespace triad::graph {
namespace {

using numerics::Format;

TensorId input(Graph& graph, const std::string& name, Shape shape, Format format = Format::fp32) {
  return graph.add_tensor({name, std::move(shape), format, Role::input});
}

/// The message of the error that adding this op throws.
std::string rejection(Graph& graph, OpKind kind, std::vector<TensorId> inputs, Attributes attributes = {}) {
  try {
    graph.add_op(kind, "layer.op", std::move(inputs), std::move(attributes));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Op, TableIsInTheOrderOfTheKinds) {
  for (const OpDefinition& op : definitions()) EXPECT_EQ(definition(op.kind).name, op.name);
  EXPECT_EQ(to_string(OpKind::sgd), "sgd");
  EXPECT_EQ(definitions().size(), static_cast<std::size_t>(OpKind::fused) + 1);
}

TEST(Graph, InfersShapesOfTransposedProducts) {
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      Graph graph;
      const TensorId a = input(graph, "a", ta ? Shape{5, 3} : Shape{3, 5});
      const TensorId b = input(graph, "b", tb ? Shape{7, 5} : Shape{5, 7});
      const TensorId c = graph.add_op(OpKind::matmul, "c", {a, b}, {{"transpose_a", ta}, {"transpose_b", tb}})[0];
      EXPECT_EQ(graph.tensor(c).shape, (Shape{3, 7}));
      EXPECT_EQ(graph.tensor(c).name, "c");
      EXPECT_EQ(graph.flops(), 2 * 3 * 5 * 7);
    }
  }
}

TEST(Graph, ProductOfBf16IsFp32) {
  Graph graph;
  const TensorId a = input(graph, "a", {3, 5}, Format::bf16), b = input(graph, "b", {5, 7}, Format::bf16);
  const TensorId c = graph.add_op(OpKind::matmul, "c", {a, b})[0];
  EXPECT_EQ(graph.tensor(c).format, Format::fp32);
  EXPECT_FALSE(graph.ops[0].flag("transpose_a"));  // a default that add_op fills in
}

TEST(Graph, BatchedProducts) {
  Graph graph;
  const TensorId a = input(graph, "a", {2, 4, 3, 5}), b = input(graph, "b", {2, 4, 5, 7});
  const TensorId c = graph.add_op(OpKind::matmul, "c", {a, b})[0];
  EXPECT_EQ(graph.tensor(c).shape, (Shape{2, 4, 3, 7}));
  EXPECT_EQ(graph.flops(), 2 * (2 * 4) * 3 * 5 * 7);
  const TensorId q = input(graph, "q", {2, 3}, Format::int8);
  EXPECT_EQ(graph.tensor(graph.add_op(OpKind::matmul, "s", {q, q}, {{"transpose_b", true}})[0]).format, Format::int32);
}

using Pair = std::vector<std::int64_t>;

TEST(Graph, ShapesOfConvolutions) {
  Graph graph;
  const TensorId x = input(graph, "x", {2, 6, 11, 9}), w = input(graph, "w", {4, 3, 3, 2});
  const Attributes how = {{"stride", Pair{2, 1}}, {"padding", Pair{1, 0}}, {"dilation", Pair{2, 3}}, {"groups", 2L}};
  const TensorId y = graph.add_op(OpKind::conv2d, "y", {x, w}, how)[0];
  // Rows: (11 + 2 - (2 (3 - 1) + 1)) / 2 + 1 = 5; columns: (9 - (3 (2 - 1) + 1)) / 1 + 1 = 6.
  EXPECT_EQ(graph.tensor(y).shape, (Shape{2, 4, 5, 6}));
  const std::int64_t flops_of_one = 2 * (2 * 4 * 5 * 6) * (3 * 3 * 2);  // outputs times taps
  EXPECT_EQ(graph.flops(), flops_of_one);
  Attributes gradient = how;
  gradient["shape"] = Shape{2, 6, 11, 9};
  EXPECT_EQ(graph.tensor(graph.add_op(OpKind::conv2d_dgrad, "dx", {y, w}, gradient)[0]).shape, (Shape{2, 6, 11, 9}));
  gradient["shape"] = Shape{2, 6, 10, 9};  // makes 4 rows
  EXPECT_EQ(rejection(graph, OpKind::conv2d_dgrad, {y, w}, gradient),
            "layer.op: conv2d_dgrad: y [2, 4, 5, 6] must be [2, 4, 4, 6], the shape of the convolution of "
            "[2, 6, 10, 9] with w [4, 3, 3, 2]");
  gradient["shape"] = Shape{4, 3, 3, 2};
  EXPECT_EQ(graph.tensor(graph.add_op(OpKind::conv2d_wgrad, "dw", {x, y}, gradient)[0]).shape, (Shape{4, 3, 3, 2}));
  EXPECT_EQ(graph.flops(), 3 * flops_of_one);
}

TEST(Graph, RejectsConvolutionsThatDoNotFit) {
  Graph graph;
  const TensorId x = input(graph, "x", {2, 6, 5, 5}), w = input(graph, "w", {4, 3, 3, 3});
  EXPECT_EQ(rejection(graph, OpKind::conv2d, {x, w}),
            "layer.op: conv2d: x, w: 6 channels, but 1 groups of 3 channels in [4, 3, 3, 3]");
  EXPECT_EQ(rejection(graph, OpKind::conv2d, {x, w}, {{"groups", 2L}, {"dilation", Pair{3, 1}}}),
            "layer.op: conv2d: a kernel of 3 with dilation 3 does not fit into 5 padded by 0");
  EXPECT_EQ(rejection(graph, OpKind::conv2d, {x, w}, {{"groups", 2L}, {"stride", Pair{0, 1}}}),
            "layer.op: conv2d: stride, padding and dilation are two numbers each, from 1, 0 and 1 on, not [0, 1]");
  EXPECT_EQ(rejection(graph, OpKind::conv2d, {x, w}, {{"groups", 2L}, {"stride", Pair{1}}}),
            "layer.op: conv2d: stride, padding and dilation are two numbers each, from 1, 0 and 1 on, not [1]");
  const TensorId odd = input(graph, "odd", {3, 3, 3, 3}), flat = input(graph, "flat", {6, 5});
  EXPECT_EQ(rejection(graph, OpKind::conv2d, {x, odd}, {{"groups", 2L}}),
            "layer.op: conv2d: x, odd: 3 kernels do not make 2 groups");
  EXPECT_EQ(rejection(graph, OpKind::conv2d, {flat, w}),
            "layer.op: conv2d: flat, w: shapes [6, 5] and [4, 3, 3, 3] must be [N, C, H, W] and [O, C/groups, R, S]");
}

TEST(Graph, FlopsOfEveryFamily) {
  Graph graph;
  const TensorId x = input(graph, "x", {4, 3}), bias = input(graph, "bias", {3}), rate = input(graph, "rate", {});
  const TensorId classes = input(graph, "classes", {4}, Format::int32), image = input(graph, "image", {2, 3, 8, 8});
  const auto flops_of = [&](OpKind kind, std::vector<TensorId> inputs, Attributes attributes = {}) {
    graph.add_op(kind, "op" + std::to_string(graph.ops.size()), std::move(inputs), std::move(attributes));
    return flops(graph, graph.ops.back());
  };
  const Attributes rows = {{"axes", Pair{1}}};
  EXPECT_EQ(flops_of(OpKind::matmul, {x, x}, {{"transpose_b", true}}), 2 * 4 * 3 * 4);
  EXPECT_EQ(flops_of(OpKind::add, {x, bias}), 12);
  EXPECT_EQ(flops_of(OpKind::gelu, {x}), 12);
  EXPECT_EQ(flops_of(OpKind::relu_grad, {x, x}), 12);
  EXPECT_EQ(flops_of(OpKind::reduce_sum, {x}, rows), 12);  // its input
  EXPECT_EQ(flops_of(OpKind::softmax, {x}, rows), 12);
  EXPECT_EQ(flops_of(OpKind::normalize, {x}, rows), 12);
  EXPECT_EQ(flops_of(OpKind::cast, {x}, {{"format", std::string("bf16")}}), 0);
  EXPECT_EQ(flops_of(OpKind::reshape, {x}, {{"shape", Shape{12}}}), 0);
  EXPECT_EQ(flops_of(OpKind::transpose, {x}, {{"permutation", Pair{1, 0}}}), 0);
  EXPECT_EQ(flops_of(OpKind::mse, {x, x}), 12);  // its input
  EXPECT_EQ(flops_of(OpKind::cross_entropy, {x, classes}), 12);
  EXPECT_EQ(flops_of(OpKind::sgd, {bias, bias, rate}), 3);
  EXPECT_EQ(flops_of(OpKind::sgd, {bias, bias, rate, bias}, {{"momentum", 0.9}}), 3);  // points, not outputs
  EXPECT_EQ(flops_of(OpKind::gather, {x, classes}), 0);
  EXPECT_EQ(flops_of(OpKind::scatter_add, {x, classes}, {{"rows", 9L}}), 12);  // elements added
  // 2 * 3 windows of 2 x 2 at 4 x 4 places.
  EXPECT_EQ(flops_of(OpKind::max_pool, {image}, {{"kernel", Pair{2, 2}}, {"stride", Pair{2, 2}}}), 6 * 16 * 4);
}

TEST(Graph, RejectsShapesThatDoNotFit) {
  Graph graph;
  const TensorId x = input(graph, "x", {32, 10}), w = input(graph, "w", {1, 9}), y = input(graph, "y", {32, 1});
  const TensorId half = input(graph, "half", {10, 4}, Format::bf16), classes = input(graph, "k", {31}, Format::int32);
  const TensorId stack = input(graph, "stack", {2, 10, 4}), image = input(graph, "image", {1, 1, 4, 4});
  EXPECT_EQ(rejection(graph, OpKind::matmul, {x, w}, {{"transpose_b", true}}),
            "layer.op: matmul: x [32, 10] times w [1, 9] transposed: the inner dimensions 10 and 9 must be equal");
  EXPECT_EQ(rejection(graph, OpKind::matmul, {x, half}),
            "layer.op: matmul: x [32, 10] is fp32 and half [10, 4] is bf16: the operands must have one format");
  EXPECT_EQ(rejection(graph, OpKind::matmul, {x, stack}),
            "layer.op: matmul: x [32, 10] times stack [2, 10, 4]: the leading dimensions must be equal");
  EXPECT_EQ(rejection(graph, OpKind::add, {x, w}),
            "layer.op: add: x [32, 10], w [1, 9] do not broadcast: dimensions, counted from the last, must be equal "
            "or 1");
  EXPECT_EQ(rejection(graph, OpKind::add, {x}), "layer.op: add: takes 2 operands, not 1");
  EXPECT_EQ(rejection(graph, OpKind::mse, {x, y}), "layer.op: mse: x [32, 10] and y [32, 1] must have the same shape");
  EXPECT_EQ(rejection(graph, OpKind::cross_entropy, {x, classes}),
            "layer.op: cross_entropy: k [31] must hold one class number per row of x [32, 10]: [32]");
  EXPECT_EQ(rejection(graph, OpKind::reshape, {x}, {{"shape", Shape{3}}}),
            "layer.op: reshape: x [32, 10] has 320 elements, [3] has 3");
  EXPECT_EQ(rejection(graph, OpKind::relu, {half}), "layer.op: relu: half [10, 4] is bf16, must be fp32");
  EXPECT_EQ(rejection(graph, OpKind::softmax, {x}, {{"axes", Pair{2}}}),
            "layer.op: softmax: axes [2] of x [32, 10]: must be ascending, from 0 to 1");
  EXPECT_EQ(rejection(graph, OpKind::softmax, {x}, {{"axes", Pair{}}}),
            "layer.op: softmax: axes: at least one axis of x [32, 10] must be named");
  EXPECT_EQ(rejection(graph, OpKind::transpose, {x}, {{"permutation", Pair{0, 0}}}),
            "layer.op: transpose: [0, 0] is not a permutation of the axes of x [32, 10]");
  EXPECT_EQ(rejection(graph, OpKind::slice, {x}, {{"begin", Pair{0, 3}}, {"end", Pair{32, 11}}, {"step", Pair{1, 1}}}),
            "layer.op: slice: [3, 11) in steps of 1 along axis 1 of x [32, 10]: must not be empty nor reach beyond it");
  EXPECT_EQ(rejection(graph, OpKind::concat, {x, w}, {{"axis", 0L}}),
            "layer.op: concat: x [32, 10] and w [1, 9] may differ along axis 0 only");
  EXPECT_EQ(rejection(graph, OpKind::max_pool, {image}, {{"kernel", Pair{5, 2}}, {"stride", Pair{1, 1}}}),
            "layer.op: max_pool: a window of 5 does not fit into 4 padded by 0");
  const TensorId wide = input(graph, "wide", {1, 1, 4, 1 << 23});
  EXPECT_EQ(rejection(graph, OpKind::max_pool, {wide}, {{"kernel", Pair{1, 1}}, {"stride", Pair{1, 1}}}),
            "layer.op: max_pool: wide [1, 1, 4, 8388608]: planes of more than 16777216 elements");
  EXPECT_EQ(rejection(graph, OpKind::dropout, {x, y}, {{"probability", 0.5}, {"seed", 1L}}),
            "layer.op: dropout: y [32, 1] is fp32, must be int32");
  EXPECT_EQ(rejection(graph, OpKind::gather, {stack, classes}),
            "layer.op: gather: stack [2, 10, 4] must be a table [rows, width]");
  EXPECT_EQ(rejection(graph, OpKind::cast, {x}, {{"format", std::string("int8")}}),
            "layer.op: cast: cannot cast to int8: must be fp32, bf16 or fp16");
  EXPECT_EQ(rejection(graph, OpKind::gelu, {x}, {{"approximate", std::string("both")}}),
            "layer.op: gelu: approximate is 'both', must be none or tanh");
  EXPECT_EQ(rejection(graph, OpKind::fused, {x}), "layer.op: fused: made by fusion only");
}

TEST(Graph, RejectsAttributesThatTheOpDoesNotHave) {
  Graph graph;
  const TensorId x = input(graph, "x", {2, 2});
  EXPECT_EQ(rejection(graph, OpKind::matmul, {x, x}, {{"transposed", true}}),
            "layer.op: matmul has no attribute 'transposed'");
  EXPECT_EQ(rejection(graph, OpKind::cast, {x}), "layer.op: cast needs the attribute 'format'");
  EXPECT_EQ(rejection(graph, OpKind::cast, {x}, {{"format", true}}),
            "layer.op: an attribute of cast has the wrong type");
  EXPECT_EQ(rejection(graph, OpKind::matmul, {x, x}, {{"transpose_a", 1.0}}),
            "layer.op: attribute 'transpose_a' of matmul has the wrong type");
  graph.add_op(OpKind::relu, "layer.op", {x});
  EXPECT_EQ(rejection(graph, OpKind::relu, {x}), "layer.op: the graph has an op of this name already");
  EXPECT_EQ(graph.unique_name("layer.op"), "layer.op.2");
}

TEST(Graph, OutputsAreNamedAfterTheOp) {
  Graph graph;
  const TensorId x = input(graph, "x", {4, 3});
  const auto outputs = graph.add_op(OpKind::normalize, "norm", {x}, {{"axes", Pair{0}}});
  EXPECT_EQ(graph.tensor(outputs[0]).name, "norm");
  EXPECT_EQ(graph.tensor(outputs[1]).name, "norm.mean");
  EXPECT_EQ(graph.tensor(outputs[2]).name, "norm.variance");
  EXPECT_EQ(graph.tensor(outputs[2]).shape, (Shape{1, 3}));
}

TEST(Examples, EveryKindHasOne) {
  for (const OpDefinition& op : definitions()) {
    const std::vector<Example> all = examples(op.kind);
    ASSERT_FALSE(all.empty()) << op.name;
    EXPECT_EQ(all.front().variant, "") << op.name;
    for (const Example& example : all) {
      ASSERT_EQ(example.graph.ops.size(), 1u);
      EXPECT_EQ(example.op().kind, op.kind);
      EXPECT_GE(example.graph.flops(), 0);
      EXPECT_FALSE(example.graph.results().empty());
      const bool whole = example.variant == "int8" && op.gradient;  // int8 is for inference
      const auto backward = backward_of(example);
      ASSERT_EQ(backward.has_value(), op.gradient && !whole) << op.name << " " << example.variant;
      if (!backward) continue;
      for (const Op& gradient : backward->ops) EXPECT_EQ(gradient.phase, Phase::backward);
      const bool passes = backward->ops.empty();
      EXPECT_EQ(passes, op.kind == OpKind::offset || op.kind == OpKind::cast ||
                            (op.kind == OpKind::add && example.variant.empty()))
          << op.name;
    }
  }
}

/// Of an op that is read in part the rest is no result; of one that is not read all of it is.
TEST(Graph, ResultsAreWhatNothingReads) {
  Graph graph;
  const TensorId x = graph.add_tensor({"x", {1, 1, 4, 4}, numerics::Format::fp32, Role::input});
  const Attributes window = {{"kernel", Shape{2, 2}}, {"stride", Shape{2, 2}}};
  const std::vector<TensorId> pooled = graph.add_op(OpKind::max_pool, "pool", {x}, window);
  EXPECT_EQ(graph.results(), pooled);
  const TensorId y = graph.add_op(OpKind::relu, "relu", {pooled[0]})[0];
  EXPECT_EQ(graph.results(), std::vector<TensorId>{y});
  graph.loss = y;
  EXPECT_TRUE(graph.results().empty());
}

}  // namespace
}  // namespace triad::graph
