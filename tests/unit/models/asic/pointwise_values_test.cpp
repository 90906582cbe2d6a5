#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "../single_op.hpp"
#include "sim/numerics/elementary.hpp"
#include "support.hpp"

/// The functions of the point-wise and the update engine on the whole machine, bit for bit against their formulas in
/// plain fp32, written out here.
namespace triad::asic {
namespace {

using graph::OpKind;
using numerics::canonical;
using numerics::Format;
using test::bits;
using test::SingleOp;
using test::Values;

constexpr int lanes = 4;  // of configs/asic/tiny.yaml

std::vector<float> run(const SingleOp& op, const std::string& name = "result", const test::Settings& settings = {}) {
  return test::run(*test::make("tiny", settings), op.job).weights.at(name).floats();
}

/// Shapes of 1, primes, more than a burst (16 values), more than the operand RAM's vector (16 columns).
const std::vector<std::pair<graph::Shape, graph::Shape>> shapes = {
    {{1}, {1}},      {{37}, {37}},          {{5, 7}, {5, 7}}, {{5, 7}, {7}}, {{3, 41}, {41}},
    {{100, 1}, {1}}, {{2, 3, 17}, {3, 17}}, {{64, 3}, {3}},   {{4, 9}, {}}};

void expect_elements(OpKind kind, const std::function<float(float, float)>& function,
                     graph::Attributes attributes = {}) {
  for (const auto& [a_shape, b_shape] : shapes) {
    const bool unary = kind == OpKind::scale || kind == OpKind::relu;
    if ((unary || kind == OpKind::relu_grad) && a_shape != b_shape) continue;
    const auto a_count = static_cast<std::size_t>(graph::elements(a_shape)),
               b_count = static_cast<std::size_t>(graph::elements(b_shape));
    Values values(static_cast<unsigned>(kind) + static_cast<unsigned>(a_count));
    const auto a = values.many(a_count, true), b = values.many(b_count, true);
    SingleOp op;
    std::vector<graph::TensorId> inputs = {op.input(a_shape, a)};
    if (!unary) inputs.push_back(op.input(b_shape, b));
    op.keep(op.op(kind, inputs, attributes)[0]);
    std::vector<float> expected;
    for (std::size_t i = 0; i < a_count; ++i) expected.push_back(canonical(function(a[i], b[i % b_count])));
    // A NaN that is passed on is not an arithmetic result: only its being one is compared.
    std::vector<float> got = run(op);
    for (float& x : got) x = canonical(x);
    EXPECT_EQ(bits(got), bits(expected)) << graph::to_string(kind) << " " << graph::to_string(a_shape)
                                         << graph::to_string(b_shape);
  }
}

TEST(PointWiseValues, Add) {
  expect_elements(OpKind::add, [](float a, float b) { return a + b; });
}
TEST(PointWiseValues, Subtract) {
  expect_elements(OpKind::subtract, [](float a, float b) { return a - b; });
}
TEST(PointWiseValues, Multiply) {
  expect_elements(OpKind::multiply, [](float a, float b) { return a * b; });
}
TEST(PointWiseValues, Scale) {
  expect_elements(OpKind::scale, [](float a, float) { return a * 0.3f; }, {{"factor", 0.3}});
}
TEST(PointWiseValues, Relu) {
  expect_elements(OpKind::relu, [](float a, float) { return a <= 0 ? 0.0f : a; });
}
TEST(PointWiseValues, ReluGrad) {
  expect_elements(OpKind::relu_grad, [](float y, float dy) { return y > 0 ? dy : 0.0f; });
}

TEST(PointWiseValues, Casts) {
  Values values(3);
  for (const int count : {1, 31, 64, 101}) {
    const auto a = values.many(static_cast<std::size_t>(count), true);
    SingleOp op;
    const auto narrow = op.op(OpKind::cast, {op.input({count}, a)}, {{"format", std::string("bf16")}})[0];
    op.keep(op.op(OpKind::cast, {narrow}, {{"format", std::string("fp32")}})[0]);
    std::vector<float> expected;
    for (const float x : a) expected.push_back(numerics::round_bf16(x));
    EXPECT_EQ(bits(run(op)), bits(expected));
  }
}

TEST(PointWiseValues, Broadcast) {
  Values values(4);
  for (const auto& [rows, columns] : {std::pair{1, 1}, {5, 3}, {3, 41}, {70, 1}, {2, 16}}) {
    const auto a = values.many(static_cast<std::size_t>(columns));
    SingleOp op;
    op.keep(
        op.op(OpKind::broadcast, {op.input({columns}, a)}, {{"shape", std::vector<std::int64_t>{rows, columns}}})[0]);
    std::vector<float> expected;
    for (int r = 0; r < rows; ++r) expected.insert(expected.end(), a.begin(), a.end());
    EXPECT_EQ(bits(run(op)), bits(expected));
  }
}

/// Column sums: a chain over the rows in order, from +0. One sum over everything: numerics::lane_sum.
TEST(PointWiseValues, ReduceSum) {
  Values values(5);
  for (const auto& [rows, columns] : {std::pair{1, 1}, {7, 3}, {5, 41}, {100, 1}, {33, 17}}) {
    const auto a = values.many(static_cast<std::size_t>(rows * columns), rows == 7);
    SingleOp op;
    op.keep(op.op(OpKind::reduce_sum, {op.input({rows, columns}, a)}, {{"keep", std::int64_t{1}}})[0]);
    std::vector<float> expected(static_cast<std::size_t>(columns), 0.0f);
    for (std::size_t i = 0; i < a.size(); ++i) {
      float& sum = expected[i % static_cast<std::size_t>(columns)];
      sum = canonical(sum + a[i]);
    }
    if (columns == 1) expected = {numerics::lane_sum(a, lanes)};
    EXPECT_EQ(bits(run(op)), bits(expected)) << rows << " x " << columns;
  }
}

TEST(PointWiseValues, MseAndItsGradient) {
  Values values(6);
  for (const int count : {1, 5, 16, 67}) {
    const auto a = values.many(static_cast<std::size_t>(count)), b = values.many(static_cast<std::size_t>(count));
    SingleOp op;
    const auto prediction = op.input({count}, a), target = op.input({count}, b);
    op.keep(op.op(OpKind::mse, {prediction, target})[0], "loss");
    op.keep(op.op(OpKind::mse_grad, {prediction, target})[0], "gradient");
    std::vector<float> squares, gradient;
    for (std::size_t i = 0; i < a.size(); ++i) {
      squares.push_back((a[i] - b[i]) * (a[i] - b[i]));
      gradient.push_back((a[i] - b[i]) * (2.0f / static_cast<float>(count)));
    }
    EXPECT_EQ(bits(run(op, "loss")), bits({numerics::lane_sum(squares, lanes) * (1.0f / static_cast<float>(count))}));
    EXPECT_EQ(bits(run(op, "gradient")), bits(gradient));
  }
}

TEST(PointWiseValues, CrossEntropyAndItsGradient) {
  Values values(7);
  for (const auto& [rows, columns] : {std::pair{1, 1}, {3, 5}, {9, 16}, {31, 2}}) {
    const auto x = values.many(static_cast<std::size_t>(rows * columns));
    std::vector<std::int32_t> classes;
    for (int r = 0; r < rows; ++r)
      classes.push_back(static_cast<std::int32_t>(values.below(static_cast<std::uint32_t>(columns))));
    SingleOp op;
    const auto logits = op.input({rows, columns}, x), targets = op.classes(classes);
    op.keep(op.op(OpKind::cross_entropy, {logits, targets})[0], "loss");
    op.keep(op.op(OpKind::cross_entropy_grad, {logits, targets})[0], "gradient");
    float loss = 0;
    std::vector<float> gradient;
    const float scale = 1.0f / static_cast<float>(rows);
    for (int r = 0; r < rows; ++r) {
      const std::vector<float> row(x.begin() + r * columns, x.begin() + (r + 1) * columns);
      const float most = *std::ranges::max_element(row);
      std::vector<float> e;
      for (const float v : row) e.push_back(numerics::exponential(v - most));
      const float sum = numerics::lane_sum(e, lanes);
      const auto target = static_cast<std::size_t>(classes[static_cast<std::size_t>(r)]);
      loss = loss + ((numerics::logarithm(sum) + most) - row[target]);
      for (std::size_t c = 0; c < e.size(); ++c) gradient.push_back((e[c] / sum - (c == target ? 1.0f : 0.0f)) * scale);
    }
    EXPECT_EQ(bits(run(op, "loss")), bits({loss * scale})) << rows << " x " << columns;
    EXPECT_EQ(bits(run(op, "gradient")), bits(gradient)) << rows << " x " << columns;
  }
}

TEST(PointWiseValues, AClassThatDoesNotExistIsAFault) {
  SingleOp op;
  op.keep(op.op(OpKind::cross_entropy, {op.input({2, 3}, {1, 2, 3, 4, 5, 6}), op.classes({1, 3})})[0]);
  EXPECT_THROW(run(op), device::Fault);
}

TEST(UpdateValues, SgdWithAndWithoutMomentum) {
  for (const bool momentum : {false, true}) {
    for (const int count : {1, 13, 16, 77}) {
      Values values(8);
      const auto size = static_cast<std::size_t>(count);
      const auto p = values.many(size), g = values.many(size), v = values.many(size);
      SingleOp op;
      std::vector<graph::TensorId> inputs = {op.parameter("p", {count}, p), op.input({count}, g)};
      graph::Attributes attributes = {{"learning_rate", 0.1}};
      if (momentum) inputs.push_back(op.parameter("v", {count}, v)), attributes["momentum"] = 0.9;
      const auto out = op.op(OpKind::sgd, inputs, attributes);
      op.job.graph.updates.push_back({inputs[0], out[0]});
      if (momentum) op.job.graph.updates.push_back({inputs[2], out[1]});
      std::vector<float> parameters, velocities;
      for (std::size_t i = 0; i < size; ++i) {
        const float next = momentum ? 0.9f * v[i] + g[i] : g[i];
        velocities.push_back(next);
        parameters.push_back(p[i] - 0.1f * next);
      }
      EXPECT_EQ(bits(run(op, "p")), bits(parameters));
      if (momentum) {
        EXPECT_EQ(bits(run(op, "v")), bits(velocities));
      }
    }
  }
}

/// A reshape moves nothing: what reads its result reads the original.
TEST(PointWiseValues, ReshapeIsFree) {
  Values values(9);
  const auto a = values.many(12);
  SingleOp op;
  const auto reshaped = op.op(OpKind::reshape, {op.input({3, 4}, a)}, {{"shape", std::vector<std::int64_t>{2, 6}}})[0];
  op.keep(op.op(OpKind::scale, {reshaped}, {{"factor", 2.0}})[0]);
  std::vector<float> expected;
  for (const float x : a) expected.push_back(2 * x);
  EXPECT_EQ(bits(run(op)), bits(expected));
}

}  // namespace
}  // namespace triad::asic
