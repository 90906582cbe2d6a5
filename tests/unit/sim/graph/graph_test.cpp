#include "sim/graph/graph.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

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

TEST(Graph, FlopsOfEveryOp) {
  Graph graph;
  const TensorId x = input(graph, "x", {4, 3}), bias = input(graph, "bias", {3});
  const TensorId classes = input(graph, "classes", {4}, Format::int32);
  const auto flops_of = [&](OpKind kind, std::vector<TensorId> inputs, Attributes attributes = {}) {
    graph.add_op(kind, "op" + std::to_string(graph.ops.size()), std::move(inputs), std::move(attributes));
    return flops(graph, graph.ops.back());
  };
  EXPECT_EQ(flops_of(OpKind::matmul, {x, x}, {{"transpose_b", true}}), 2 * 4 * 3 * 4);
  EXPECT_EQ(flops_of(OpKind::add, {x, bias}), 12);
  EXPECT_EQ(flops_of(OpKind::relu, {x}), 12);
  EXPECT_EQ(flops_of(OpKind::relu_grad, {x, x}), 12);
  EXPECT_EQ(flops_of(OpKind::reduce_sum, {x}, {{"keep", std::int64_t{1}}}), 12);  // its input
  EXPECT_EQ(flops_of(OpKind::cast, {x}, {{"format", std::string("bf16")}}), 0);
  EXPECT_EQ(flops_of(OpKind::reshape, {x}, {{"shape", Shape{12}}}), 0);
  EXPECT_EQ(flops_of(OpKind::mse, {x, x}), 12);  // its input
  EXPECT_EQ(flops_of(OpKind::cross_entropy, {x, classes}), 12);
  EXPECT_EQ(flops_of(OpKind::sgd, {bias, bias}, {{"learning_rate", 0.1}}), 3);
  EXPECT_EQ(flops_of(OpKind::sgd, {bias, bias, bias}, {{"learning_rate", 0.1}, {"momentum", 0.9}}), 6);  // two outputs
}

TEST(Graph, RejectsShapesThatDoNotFit) {
  Graph graph;
  const TensorId x = input(graph, "x", {32, 10}), w = input(graph, "w", {1, 9}), y = input(graph, "y", {32, 1});
  const TensorId half = input(graph, "half", {10, 4}, Format::bf16), classes = input(graph, "k", {31}, Format::int32);
  EXPECT_EQ(rejection(graph, OpKind::matmul, {x, w}, {{"transpose_b", true}}),
            "layer.op: matmul: x [32, 10] times w [1, 9] transposed: the inner dimensions 10 and 9 must be equal");
  EXPECT_EQ(rejection(graph, OpKind::matmul, {x, half}),
            "layer.op: matmul: x [32, 10] is fp32 and half [10, 4] is bf16: the operands must have one format");
  EXPECT_EQ(rejection(graph, OpKind::add, {x, w}),
            "layer.op: add: w [1, 9] does not broadcast to x [32, 10]: its shape must be the end of the other one");
  EXPECT_EQ(rejection(graph, OpKind::mse, {x, y}), "layer.op: mse: x [32, 10] and y [32, 1] must have the same shape");
  EXPECT_EQ(rejection(graph, OpKind::cross_entropy, {x, classes}),
            "layer.op: cross_entropy: k [31] must hold one class number per row of x [32, 10]: [32]");
  EXPECT_EQ(rejection(graph, OpKind::reshape, {x}, {{"shape", Shape{3}}}),
            "layer.op: reshape: x [32, 10] has 320 elements, [3] has 3");
  EXPECT_EQ(rejection(graph, OpKind::relu, {half}), "layer.op: relu: half [10, 4] is bf16, must be fp32");
  EXPECT_TRUE(graph.ops.empty());
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
}

}  // namespace
}  // namespace triad::graph
