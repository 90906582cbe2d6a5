#include "sim/graph/formula.hpp"

#include <gtest/gtest.h>

#include <random>

#include "naive.hpp"
#include "sim/graph/examples.hpp"

namespace triad::graph {
namespace {

TEST(Formula, BroadcastStridesFollowNumPy) {
  EXPECT_EQ(broadcast_strides({3, 4}, {2, 3, 4}), (Shape{0, 4, 1}));
  EXPECT_EQ(broadcast_strides({3, 1}, {2, 3, 4}), (Shape{0, 1, 0}));
  EXPECT_EQ(broadcast_strides({}, {2, 3}), (Shape{0, 0}));
  EXPECT_EQ(broadcast_strides({2, 1, 4}, {2, 3, 4}), (Shape{4, 0, 1}));
  EXPECT_THROW(broadcast_strides({3}, {2}), std::invalid_argument);
  EXPECT_THROW(broadcast_strides({2, 3}, {3}), std::invalid_argument);
  const Tensor a{"a", {3, 1}}, b{"b", {2, 1, 5}}, c{"c", {4}};
  EXPECT_EQ(broadcast_shape(std::vector{a, b}), (Shape{2, 3, 5}));
  EXPECT_THROW(broadcast_shape(std::vector{a, b, c}), std::invalid_argument);
}

TEST(Formula, EqualTermsAreOne) {
  Formula f{{4}, {false}, {{1}}, {}, {}};
  const Expression x{f, f.add({Function::operand, {0, -1, -1}})};
  const Expression a = x * 2.0, b = x * 2.0;
  EXPECT_EQ(a.term(), b.term());
  EXPECT_EQ(f.terms.size(), 3u);
}

TEST(Formula, StagesAndValuesPerRow) {
  Graph graph;
  const TensorId x = graph.add_tensor({"x", {6, 5}, numerics::Format::fp32, Role::input});
  graph.add_op(OpKind::softmax, "s", {x}, {{"axes", std::vector<std::int64_t>{1}}});
  const Formula f = formula_of(graph, graph.ops[0]);
  // x, row_maximum(x), x - max, e^, row_sum, /
  EXPECT_EQ(f.stages(), (std::vector{0, 1, 1, 1, 2, 2}));
  EXPECT_EQ(f.per_row(), (std::vector{false, true, false, false, true, false}));
  EXPECT_EQ(f.rows(), 6);
  EXPECT_EQ(f.row_length(), 5);
}

TEST(Formula, NeighbouringAxesMerge) {
  const auto simple = [](const Formula& f) { return simplified(f); };
  // [2, 3, 4] read in order, and a bias along the last axis.
  const Formula f{{2, 3, 4}, {false, false, false}, {{12, 4, 1}, {0, 0, 1}}, {}, {}};
  EXPECT_EQ(simple(f).space, (Shape{6, 4}));
  EXPECT_EQ(simple(f).strides, (std::vector<Shape>{{4, 1}, {0, 1}}));
  const Formula batch_norm{{2, 3, 4, 5}, {true, false, true, true}, {{60, 20, 5, 1}}, {}, {}};
  EXPECT_EQ(simple(batch_norm).space, (Shape{2, 3, 20}));
  EXPECT_EQ(simple(batch_norm).reduced, (std::vector{true, false, true}));
  const Formula scalar{{1, 1}, {true, false}, {{0, 0}}, {}, {}};
  EXPECT_EQ(simple(scalar).space, (Shape{1}));
}

/// A formula over a random space, of random terms and strides.
Formula random_formula(std::mt19937& random, std::size_t operands) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Formula f;
  const int rank = below(6);
  for (int axis = 0; axis < rank; ++axis) {
    f.space.push_back(1 + below(4));
    f.reduced.push_back(below(3) == 0);
  }
  for (std::size_t i = 0; i < operands; ++i) {
    Shape shape = f.space;
    for (auto& extent : shape) {
      if (below(3) == 0) extent = 1;
    }
    f.strides.push_back(broadcast_strides(shape, f.space));
    if (below(4) == 0 && rank >= 2) std::swap(f.strides.back()[0], f.strides.back()[1]);  // transposed reading
    f.add({Function::operand, {static_cast<int>(i), -1, -1}});
  }
  const auto term = [&] { return below(static_cast<int>(f.terms.size())); };
  for (int i = 0; i < 10; ++i) {
    switch (below(6)) {
      case 0:
        if (rank > 0) f.add({Function::coordinate, {below(rank), -1, -1}});
        break;
      case 1:
        f.add({below(2) == 0 ? Function::row_sum : Function::row_maximum, {term(), -1, -1}});
        break;
      case 2:
        f.add({Function::uniform, {f.add({Function::constant, {-1, -1, -1}, 3}), -1, -1}, 5});
        break;
      case 3:
        f.add({Function::select, {term(), term(), term()}});
        break;
      default:
        f.add({below(2) == 0 ? Function::add : Function::multiply, {term(), term(), -1}});
    }
  }
  const std::vector<bool> per_row = f.per_row();
  for (int i = 0; i < 3; ++i) {
    const int t = term();
    f.results.push_back({t, per_row[static_cast<std::size_t>(t)] && below(2) == 0});
  }
  return f;
}

TEST(Formula, SimplifiedGivesTheSamePoints) {
  std::mt19937 random(7);
  std::size_t axes = 0, axes_after = 0;
  for (int round = 0; round < 3000; ++round) {
    const Formula f = random_formula(random, 3), s = simplified(f);
    ASSERT_GE(s.space.size(), 1u);
    ASSERT_EQ(elements(s.space), elements(f.space));
    ASSERT_EQ(s.rows(), f.rows());
    ASSERT_EQ(s.row_length(), f.row_length());
    std::vector<naive::Values> operands(3, naive::Values(4 * 4 * 4 * 4 * 4 * 4));
    for (auto& operand : operands) {
      for (float& value : operand) value = static_cast<float>(static_cast<int>(random() % 9) - 4);
    }
    const auto expected = naive::evaluate(f, operands), actual = naive::evaluate(s, operands);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(expected[i].size(), actual[i].size());
      for (std::size_t p = 0; p < expected[i].size(); ++p) {
        const float e = expected[i][p], a = actual[i][p];
        ASSERT_TRUE(e == a || (std::isnan(e) && std::isnan(a))) << to_string(f) << to_string(s);
      }
    }
    axes += f.space.size();
    axes_after += s.space.size();
  }
  EXPECT_LT(axes_after, axes);
}

TEST(Formula, EveryExampleHasAFormulaThatFitsItsOutputs) {
  int seen = 0;
  for (const OpDefinition& definition : definitions()) {
    if (definition.family != Family::formula) continue;
    for (const Example& example : examples(definition.kind)) {
      const Graph& graph = example.graph;
      const Formula f = formula_of(graph, example.op());
      ASSERT_EQ(f.strides.size(), example.op().inputs.size()) << definition.name;
      ASSERT_EQ(f.results.size(), example.op().outputs.size()) << definition.name;
      for (std::size_t i = 0; i < f.results.size(); ++i) {
        const std::int64_t n = f.results[i].per_row ? f.rows() : elements(f.space);
        EXPECT_EQ(n, elements(graph.tensor(example.op().outputs[i]).shape)) << definition.name;
        EXPECT_TRUE(!f.results[i].per_row || f.per_row()[static_cast<std::size_t>(f.results[i].term)]);
      }
      for (std::size_t i = 0; i < f.strides.size(); ++i) {  // no operand is read beyond its end
        std::int64_t last = 0;
        for (std::size_t axis = 0; axis < f.space.size(); ++axis) last += (f.space[axis] - 1) * f.strides[i][axis];
        EXPECT_LT(last, elements(graph.tensor(example.op().inputs[i]).shape)) << definition.name;
      }
      ++seen;
    }
  }
  EXPECT_GT(seen, 60);
}

TEST(Formula, IsPrintedForPeople) {
  Graph graph;
  const TensorId x = graph.add_tensor({"x", {6, 5}, numerics::Format::fp32, Role::input});
  graph.add_op(OpKind::reduce_mean, "m", {x}, {{"axes", std::vector<std::int64_t>{1}}});
  EXPECT_EQ(to_string(formula_of(graph, graph.ops[0])),
            "over [6, 5], axis 1 reduced\n"
            "  t0 = operand 0 strides [5, 1]\n"
            "  t1 = row_sum t0\n"
            "  t2 = constant 0.2\n"
            "  t3 = multiply t1 t2\n"
            "  -> t3 per row\n");
}

}  // namespace
}  // namespace triad::graph
