#include <gtest/gtest.h>

#include "fuse_support.hpp"
#include "sim/graph/passes.hpp"

namespace triad::graph {
namespace {

TEST(Fuse, AChainBecomesOneOp) {
  Net net;
  const TensorId x = net.input("x", {3, 5}), b = net.input("b", {5}, Role::parameter);
  const TensorId sum = net.op(OpKind::add, "fc.add", {x, b});
  const TensorId y = net.op(OpKind::relu, "fc.relu", {sum});
  const Graph fused = fuse(net.graph, {});
  ASSERT_EQ(names(fused), (Names{"fc.add+fc.relu"}));
  const Op& op = fused.ops[0];
  EXPECT_EQ(op.kind, OpKind::fused);
  EXPECT_EQ(op.inputs, (std::vector{x, b}));
  EXPECT_EQ(op.outputs, (std::vector{y}));  // fc.add is made no more
  EXPECT_EQ(op.members, (Names{"fc.add", "fc.relu"}));
  EXPECT_EQ(op.member_flops, 30);
  EXPECT_EQ(op.formula->space, (Shape{3, 5}));
  expect_same(net.graph, {});
}

TEST(Fuse, AValueThatIsWantedElsewhereIsDelivered) {
  Net net;
  const TensorId x = net.input("x", {4, 4});
  const TensorId half = net.op(OpKind::scale, "half", {x}, {{"factor", 0.5}});
  const TensorId y = net.op(OpKind::exp, "y", {half});
  net.op(OpKind::matmul, "product", {half, y});
  const Graph fused = fuse(net.graph, {});
  EXPECT_EQ(names(fused), (Names{"half+y", "product"}));
  EXPECT_EQ(fused.ops[0].outputs, (std::vector{half, y}));
  expect_same(net.graph, {});
}

TEST(Fuse, NeverMakesACycle) {
  Net net;  // y = relu(x) + matmul(relu(x), w): the sum waits for the product, which waits for relu
  const TensorId x = net.input("x", {4, 4}), w = net.input("w", {4, 4}, Role::parameter);
  const TensorId r = net.op(OpKind::relu, "r", {x});
  const TensorId p = net.op(OpKind::matmul, "p", {r, w});
  net.op(OpKind::add, "y", {r, p});
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"r", "p", "y"}));
  Fusion with_epilogues;
  with_epilogues.epilogues = true;
  const Graph fused = fuse(net.graph, with_epilogues);
  EXPECT_EQ(names(fused), (Names{"r", "p+y"}));
  EXPECT_EQ(fused.ops[1].inputs, (std::vector{r, w, r}));
  expect_same(net.graph, with_epilogues);
}

TEST(Fuse, RowsTakeInWhatFeedsThemAndWhatReadsThem) {
  Net net;  // (x + b) / mean(x + b), softmax of it
  const TensorId x = net.input("x", {6, 7}), b = net.input("b", {7}, Role::parameter);
  const TensorId sum = net.op(OpKind::add, "sum", {x, b});
  const TensorId mean = net.op(OpKind::reduce_mean, "mean", {sum}, axes({1}, false));
  const TensorId column = net.op(OpKind::reshape, "column", {mean}, {{"shape", Shape{6, 1}}});
  const TensorId offset = net.op(OpKind::offset, "offset", {column}, {{"addend", 2.0}});  // over the rows alone
  const TensorId ratio = net.op(OpKind::divide, "ratio", {sum, offset});
  net.op(OpKind::softmax, "softmax", {ratio}, {{"axes", std::vector<std::int64_t>{1}}});
  const Graph fused = fuse(net.graph, {});
  ASSERT_EQ(names(fused), (Names{"sum+mean+offset+ratio+softmax"}));  // the view is of an inner value
  EXPECT_EQ(fused.ops[0].formula->reduced, (std::vector{false, true}));
  EXPECT_EQ(fused.ops[0].inputs.size(), 2u);
  expect_same(net.graph, {});
}

TEST(Fuse, OtherRowsStayApart) {
  Net net;
  const TensorId x = net.input("x", {6, 7});
  const TensorId s = net.op(OpKind::softmax, "s", {x}, {{"axes", std::vector<std::int64_t>{1}}});
  net.op(OpKind::reduce_sum, "columns", {s}, axes({0}, false));
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"s", "columns"}));
}

TEST(Fuse, AMeanReadAlongTheWrongAxisStaysApart) {
  Net net;  // [5] broadcasts along the last axis, but is a value per row
  const TensorId x = net.input("x", {5, 5});
  const TensorId mean = net.op(OpKind::reduce_mean, "mean", {x}, axes({1}, false));
  net.op(OpKind::subtract, "y", {x, mean});
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"mean", "y"}));
}

TEST(Fuse, ARoundedValueIsReadFromMemory) {
  Net net;
  const TensorId x = net.input("x", {4, 4});
  const TensorId r = net.op(OpKind::relu, "r", {x});
  const TensorId low = net.op(OpKind::cast, "low", {r}, {{"format", std::string("bf16")}});
  const TensorId high = net.op(OpKind::cast, "high", {low}, {{"format", std::string("fp32")}});
  net.op(OpKind::exp, "y", {high});
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"r+low", "high+y"}));
  expect_same(net.graph, {});
}

TEST(Fuse, SiblingsReadTheirOperandOnce) {
  Net net;  // what the gradients of a normalisation's gain and shift do
  const TensorId dy = net.input("dy", {2, 3, 4}), y = net.input("y", {2, 3, 4});
  const TensorId shift = net.op(OpKind::reduce_sum, "shift", {dy}, axes({0, 2}, false));
  const TensorId product = net.op(OpKind::multiply, "product", {dy, y});
  const TensorId gain = net.op(OpKind::reduce_sum, "gain", {product}, axes({0, 2}, false));
  const Graph fused = fuse(net.graph, {});
  ASSERT_EQ(names(fused), (Names{"shift+product+gain"}));
  EXPECT_EQ(fused.ops[0].inputs, (std::vector{dy, y}));
  EXPECT_EQ(fused.ops[0].outputs, (std::vector{shift, gain}));
  expect_same(net.graph, {});
  Fusion many_rows;
  many_rows.least_rows = 4;  // there are 3
  EXPECT_EQ(names(fuse(net.graph, many_rows)), (Names{"shift", "product", "gain"}));
}

TEST(Fuse, EpilogueOfAContraction) {
  Net net;
  const TensorId a = net.input("a", {3, 1, 4}), w = net.input("w", {3, 4, 6}, Role::parameter);
  const TensorId b = net.input("b", {6}, Role::parameter), skip = net.input("skip", {3, 1, 6});
  const TensorId p = net.op(OpKind::matmul, "p", {a, w});
  const TensorId sum = net.op(OpKind::add, "bias", {p, b});
  const TensorId act = net.op(OpKind::gelu, "gelu", {sum});
  const TensorId y = net.op(OpKind::add, "residual", {skip, act});
  net.op(OpKind::softmax, "rows", {y}, {{"axes", std::vector<std::int64_t>{2}}});
  Fusion fusion;
  fusion.epilogues = true;
  const Graph fused = fuse(net.graph, fusion);
  ASSERT_EQ(names(fused), (Names{"p+bias+gelu+residual", "rows"}));
  const Op& op = fused.ops[0];
  EXPECT_EQ(op.kind, OpKind::matmul);
  EXPECT_EQ(family(op), Family::contraction);
  EXPECT_EQ(op.inputs, (std::vector{a, w, b, skip}));
  EXPECT_EQ(op.outputs, (std::vector{y}));
  EXPECT_EQ(op.formula->space, (Shape{3, 1, 6}));  // of the result, axis by axis
  EXPECT_EQ(op.formula->strides[0], (Shape{6, 0, 1}));
  EXPECT_EQ(op.formula->strides[1], (Shape{0, 0, 1}));
  EXPECT_EQ(flops(fused, op), 2 * 3 * 4 * 6 + 3 * 18);
  expect_same(net.graph, fusion);
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"p", "bias+gelu+residual+rows"}));
}

TEST(Fuse, APersistentTensorIsNotReadAfterItsUpdate) {
  Net net;  // running mean: m' = m + mean(x); y reads the old m
  const TensorId x = net.input("x", {4, 5}), m = net.input("m", {5}, Role::state);
  const TensorId mean = net.op(OpKind::reduce_mean, "mean", {x}, axes({0}, false));
  const TensorId old = net.op(OpKind::scale, "old", {m}, {{"factor", 2.0}});
  const TensorId p = net.op(OpKind::matmul, "p", {x, x}, {{"transpose_b", true}});
  const TensorId next = net.op(OpKind::add, "next", {m, mean});
  net.graph.updates.push_back({m, next});
  const TensorId tall = net.op(OpKind::reduce_mean, "tall", {p}, axes({0, 1}, false));
  net.op(OpKind::add, "late", {old, tall});
  expect_same(net.graph, {});
  const Graph fused = fuse(net.graph, {});
  EXPECT_NO_THROW(storages(fused));
}

TEST(Fuse, ABroadcastIsReadFromItsSource) {
  Net net;  // the gradient of a mean, taken through relu
  const TensorId dy = net.input("dy", {6}), y = net.input("y", {6, 7});
  const TensorId column = net.op(OpKind::reshape, "column", {dy}, {{"shape", Shape{6, 1}}});
  const TensorId spread = net.op(OpKind::broadcast, "spread", {column}, {{"shape", Shape{6, 7}}});
  net.op(OpKind::relu_grad, "dx", {y, spread});
  const Graph fused = fuse(net.graph, {});
  ASSERT_EQ(names(fused), (Names{"column", "spread+dx"}));
  EXPECT_EQ(fused.ops[1].formula->strides[0], (Shape{1, 0}));
  expect_same(net.graph, {});
  Net other;  // that of integers is a copy
  const TensorId i = other.graph.add_tensor({"i", {6, 1}, Format::int32, Role::input});
  const TensorId wide = other.op(OpKind::broadcast, "wide", {i}, {{"shape", Shape{6, 7}}});
  other.op(OpKind::equal, "hit", {wide, wide});
  EXPECT_EQ(names(fuse(other.graph, {})), (Names{"wide", "hit"}));
}

TEST(Fuse, NamesOfManyMembersAreShort) {
  const auto name = [](const std::string& prefix, int count) {
    Net net;
    TensorId x = net.input("x", {4});
    for (int i = 0; i < count; ++i) x = net.op(OpKind::exp, prefix + std::to_string(i), {x});
    return fuse(net.graph, {}).ops[0].name;
  };
  EXPECT_EQ(name("fc.", 3), "fc.0+fc.1+fc.2");
  EXPECT_EQ(name("encoder.layers.0.self_attention.", 3), "encoder.layers.0.self_attention.0+1+2");
  EXPECT_EQ(name("encoder.layers.0.self_attention.", 30), "encoder.layers.0.self_attention.0+..+29");
}

TEST(Fuse, SpacesCutInAnotherWayAreTheSame) {
  Net net;  // a linear layer sees rows, what is around it batch and sequence
  const TensorId x = net.input("x", {2, 3, 4}), w = net.input("w", {4, 5}, Role::parameter);
  const TensorId b = net.input("b", {5}, Role::parameter), skip = net.input("skip", {2, 3, 5});
  const TensorId mask = net.input("mask", {2, 1, 5});
  const TensorId rows = net.op(OpKind::reshape, "rows", {x}, {{"shape", Shape{6, 4}}});
  const TensorId p = net.op(OpKind::matmul, "p", {rows, w});
  const TensorId sum = net.op(OpKind::add, "sum", {p, b});
  const TensorId back = net.op(OpKind::reshape, "back", {sum}, {{"shape", Shape{2, 3, 5}}});
  const TensorId act = net.op(OpKind::gelu, "act", {back});
  const TensorId added = net.op(OpKind::add, "added", {act, skip});
  const TensorId masked = net.op(OpKind::multiply, "masked", {added, mask});
  const TensorId mean = net.op(OpKind::reduce_mean, "mean", {masked}, axes({2}, false));
  const TensorId column = net.op(OpKind::reshape, "column", {mean}, {{"shape", Shape{6}}});
  net.op(OpKind::exp, "late", {column});  // over the rows alone, as one axis
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"rows", "p", "sum+act+added+masked+mean+late"}));
  expect_same(net.graph, {});
  Fusion fusion;
  fusion.epilogues = true;
  const Graph fused = fuse(net.graph, fusion);
  // The mask repeats within an axis of the product's result.
  EXPECT_EQ(names(fused), (Names{"rows", "p+sum+act+added", "masked+mean+late"}));
  EXPECT_EQ(fused.ops[1].formula->space, (Shape{6, 5}));
  EXPECT_EQ(fused.ops[1].formula->strides[2], (Shape{5, 1}));
  expect_same(net.graph, fusion);
}

TEST(Fuse, AnEpilogueWritesNothingForAReduction) {
  Net net;  // dgrad, relu_grad, then the gradients of a normalisation's gain and shift, and of its input
  const TensorId g = net.input("g", {6, 4}), w = net.input("w", {5, 4}, Role::parameter);
  const TensorId y = net.input("y", {6, 5}), gain = net.input("gain", {5}, Role::parameter);
  const TensorId p = net.op(OpKind::matmul, "p", {g, w}, {{"transpose_b", true}});
  const TensorId dy = net.op(OpKind::relu_grad, "dy", {y, p});
  net.op(OpKind::reduce_sum, "shift.grad", {dy}, axes({0}, false));
  const TensorId product = net.op(OpKind::multiply, "product", {dy, y});
  net.op(OpKind::reduce_sum, "gain.grad", {product}, axes({0}, false));
  const TensorId inner = net.op(OpKind::multiply, "inner", {dy, gain});
  net.op(OpKind::softmax_grad, "dx", {y, inner}, {{"axes", std::vector<std::int64_t>{0}}});
  Fusion fusion;
  fusion.epilogues = true;
  const Graph fused = fuse(net.graph, fusion);
  ASSERT_EQ(names(fused), (Names{"p+dy", "shift.grad+product+gain.grad+inner+dx"}));
  EXPECT_EQ(fused.ops[1].inputs, (std::vector{dy, y, gain}));
  expect_same(net.graph, fusion);
}

TEST(Fuse, LimitsAreKept) {
  Net net;
  TensorId x = net.input("x", {4});
  for (int i = 0; i < 9; ++i) {
    x = net.op(OpKind::add, "a" + std::to_string(i), {x, net.input("b" + std::to_string(i), {4})});
  }
  Fusion few;
  few.most_operands = 3;
  EXPECT_EQ(names(fuse(net.graph, few)), (Names{"a0+a1", "a2+a3", "a4+a5", "a6+a7", "a8"}));
  few = {};
  few.most_terms = 5;  // two additions, three operands
  EXPECT_EQ(fuse(net.graph, few).ops.size(), 5u);
}

}  // namespace
}  // namespace triad::graph
