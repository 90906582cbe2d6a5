#include <gtest/gtest.h>

#include <functional>

#include "../single_op.hpp"
#include "sim/numerics/elementary.hpp"
#include "support.hpp"

/// The vector unit's functions on the whole device, bit for bit against their formulas in plain fp32, written out here.
namespace triad::tpu {
namespace {

using graph::OpKind;
using numerics::canonical;
using numerics::Format;
using test::bits;

constexpr int lanes = 4;  // of configs/tpu/tiny.yaml

/// Rows of the first operand in each of the op's instructions: losses are summed tile by tile.
std::vector<std::pair<std::size_t, std::size_t>> tiles(const device::Program& program, OpKind kind) {
  std::vector<std::pair<std::size_t, std::size_t>> out;
  for (const Instruction& instruction : dynamic_cast<const TpuProgram&>(program).code) {
    const auto* v = std::get_if<Vector>(&instruction.body);
    if (v != nullptr && v->function == kind) out.emplace_back(v->inputs[0].rows, v->inputs[0].columns);
  }
  return out;
}

struct Outcome {
  device::Weights weights;
  std::vector<std::pair<std::size_t, std::size_t>> tiles;
  std::vector<float> result(const std::string& name = "result") const { return weights.at(name).floats(); }
};

Outcome run(const test::SingleOp& op, OpKind kind, const test::Settings& settings = {}) {
  const auto device = test::make("tiny", settings);
  const auto program = device->lower(op.job);
  return {test::run(*device, *program, op.job).weights, tiles(*program, kind)};
}

/// On-chip memory that needs several tiles; that of the preset holds every op below at once.
const test::Settings small = {"vmem.size=4 KiB"};

/// a and b of shapes, function of one element of each; b broadcasts when it is smaller.
void expect_elements(OpKind kind, const graph::Shape& a_shape, const graph::Shape& b_shape,
                     const std::function<float(float, float)>& function, graph::Attributes attributes = {}) {
  const auto a_count = static_cast<std::size_t>(graph::elements(a_shape));
  const auto b_count = static_cast<std::size_t>(graph::elements(b_shape));
  test::Values values(static_cast<unsigned>(kind) + 100);
  const auto a = values.many(a_count, true), b = values.many(b_count, true);
  test::SingleOp op;
  std::vector<graph::TensorId> inputs = {op.input(a_shape, a)};
  const bool unary = kind == OpKind::scale || kind == OpKind::relu;
  if (!unary) inputs.push_back(op.input(b_shape, b));
  op.keep(op.op(kind, inputs, std::move(attributes))[0]);
  std::vector<float> expected;
  for (std::size_t i = 0; i < a_count; ++i) expected.push_back(canonical(function(a[i], b[i % b_count])));
  for (const test::Settings& settings : {test::Settings{}, small}) {
    const Outcome outcome = run(op, kind, settings);
    ASSERT_EQ(bits(outcome.result()), bits(expected));
    if (!settings.empty()) {
      EXPECT_EQ(outcome.tiles.size() > 1, a_count > 1000);
    }
  }
}

TEST(VectorValues, Add) {
  const auto add = [](float a, float b) { return a + b; };
  expect_elements(OpKind::add, {37, 31}, {37, 31}, add);
  expect_elements(OpKind::add, {37, 31}, {31}, add);
  expect_elements(OpKind::add, {37, 31}, {}, add);
  expect_elements(OpKind::add, {1}, {1}, add);
}
TEST(VectorValues, Subtract) {
  expect_elements(OpKind::subtract, {29, 43}, {43}, [](float a, float b) { return a - b; });
}
TEST(VectorValues, Multiply) {
  expect_elements(OpKind::multiply, {29, 43}, {29, 43}, [](float a, float b) { return a * b; });
}
/// A row of 1201 does not fit into a tile of the small memory.
TEST(VectorValues, RowsAreCutWhereTheyDoNotFit) {
  expect_elements(OpKind::multiply, {2, 1201}, {1201}, [](float a, float b) { return a * b; });
}
TEST(VectorValues, Scale) {
  expect_elements(OpKind::scale, {1301}, {1}, [](float a, float) { return a * 0.3f; }, {{"factor", 0.3}});
}
TEST(VectorValues, Relu) {
  expect_elements(OpKind::relu, {1301}, {1}, [](float a, float) { return a != a ? a : a > 0 ? a : 0.0f; });
}
TEST(VectorValues, ReluGradient) {
  expect_elements(OpKind::relu_grad, {17, 71}, {17, 71}, [](float y, float dy) { return y > 0 ? dy : 0.0f; });
}
TEST(VectorValues, MseGradient) {
  expect_elements(OpKind::mse_grad, {17, 71}, {17, 71}, [](float p, float t) { return (p - t) * (2.0f / (17 * 71)); });
}

TEST(VectorValues, CastRoundsToBf16AndBack) {
  test::Values values(5);
  const auto a = values.many(1201, true);
  test::SingleOp op;
  const auto narrow = op.op(OpKind::cast, {op.input({1201}, a)}, {{"format", std::string("bf16")}})[0];
  op.keep(op.op(OpKind::cast, {narrow}, {{"format", std::string("fp32")}})[0]);
  std::vector<float> expected;
  for (const float v : a) expected.push_back(numerics::round_bf16(v));
  EXPECT_EQ(bits(run(op, OpKind::cast).result()), bits(expected));
  EXPECT_EQ(bits(run(op, OpKind::cast, small).result()), bits(expected));
}

TEST(VectorValues, BroadcastAndReshape) {
  test::Values values(6);
  const auto a = values.many(23);
  test::SingleOp op;
  const std::vector<std::int64_t> wide = {61, 23}, flat = {61 * 23};
  const auto repeated = op.op(OpKind::broadcast, {op.input({23}, a)}, {{"shape", wide}})[0];
  const auto same = op.op(OpKind::reshape, {repeated}, {{"shape", flat}})[0];
  op.keep(op.op(OpKind::scale, {same}, {{"factor", -1.0}})[0]);
  std::vector<float> expected;
  for (std::size_t i = 0; i < 61 * 23; ++i) expected.push_back(-a[i % 23]);
  EXPECT_EQ(bits(run(op, OpKind::broadcast).result()), bits(expected));
  EXPECT_EQ(bits(run(op, OpKind::broadcast, small).result()), bits(expected));
}

/// Down the rows, one chain of additions per column, in order, from +0.
TEST(VectorValues, ReduceSum) {
  for (const std::int64_t keep : {0, 1, 2}) {
    const std::size_t columns = keep == 0 ? 1 : keep == 1 ? 7 : 35, elements = 53 * 35;
    test::Values values(static_cast<unsigned>(keep));
    const auto a = values.many(elements);
    test::SingleOp op;
    op.keep(op.op(OpKind::reduce_sum, {op.input({53, 5, 7}, a)}, {{"keep", keep}})[0]);
    std::vector<float> expected(columns, 0.0f);
    for (std::size_t i = 0; i < elements; ++i) expected[i % columns] += a[i];
    EXPECT_EQ(bits(run(op, OpKind::reduce_sum).result()), bits(expected)) << "keep " << keep;
    EXPECT_EQ(bits(run(op, OpKind::reduce_sum, small).result()), bits(expected)) << "keep " << keep;
  }
}

/// Lane l adds elements l, l + 4, ... from +0; then lanes 0 + 2, 1 + 3, then 0 + 1.
float four_lanes(const std::vector<float>& values) {
  float lane[lanes] = {0, 0, 0, 0};
  for (std::size_t i = 0; i < values.size(); ++i) lane[i % lanes] += values[i];
  return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

TEST(VectorValues, Mse) {
  constexpr std::size_t elements = 1301;
  test::Values values(8);
  const auto p = values.many(elements), t = values.many(elements);
  test::SingleOp op;
  op.keep(op.op(OpKind::mse, {op.input({1301}, p), op.input({1301}, t)})[0]);
  for (const test::Settings& settings : {test::Settings{}, small}) {
    const Outcome outcome = run(op, OpKind::mse, settings);
    float sum = 0;
    std::size_t at = 0;
    for (const auto& [rows, columns] : outcome.tiles) {
      std::vector<float> squares;
      for (const std::size_t end = at + rows * columns; at < end; ++at)
        squares.push_back((p[at] - t[at]) * (p[at] - t[at]));
      sum += four_lanes(squares);
    }
    ASSERT_EQ(at, elements);
    EXPECT_EQ(bits(outcome.result()), bits({sum * (1.0f / elements)})) << outcome.tiles.size() << " tiles";
    EXPECT_EQ(outcome.tiles.size() > 1, !settings.empty());
  }
}

struct Softmax {
  float largest, sum;
  std::vector<float> exponentials;
};
Softmax softmax(const float* row, std::size_t columns) {
  Softmax s{row[0], 0, {}};
  for (std::size_t i = 0; i < columns; ++i) s.largest = std::max(s.largest, row[i]);
  for (std::size_t i = 0; i < columns; ++i) s.exponentials.push_back(numerics::exponential(row[i] - s.largest));
  s.sum = four_lanes(s.exponentials);
  return s;
}

struct Classification {
  std::size_t rows, columns;
  std::vector<float> logits;
  std::vector<std::int32_t> numbers;
  explicit Classification(std::size_t rows, std::size_t columns) : rows(rows), columns(columns) {
    test::Values values(9);
    logits = values.many(rows * columns);
    for (float& x : logits) x *= 10;
    for (std::size_t i = 0; i < rows; ++i)
      numbers.push_back(static_cast<std::int32_t>(values.below(static_cast<std::uint32_t>(columns))));
  }
  graph::Shape shape() const { return {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}; }
};

TEST(VectorValues, CrossEntropy) {
  const Classification c(101, 13);
  test::SingleOp op;
  op.keep(op.op(OpKind::cross_entropy, {op.input(c.shape(), c.logits), op.classes(c.numbers)})[0]);
  for (const test::Settings& settings : {test::Settings{}, small}) {
    const Outcome outcome = run(op, OpKind::cross_entropy, settings);
    float total = 0;
    std::size_t row = 0;
    for (const auto& tile : outcome.tiles) {
      float sum = 0;
      for (const std::size_t end = row + tile.first; row < end; ++row) {
        const float* logits = c.logits.data() + row * c.columns;
        const Softmax s = softmax(logits, c.columns);
        sum += numerics::logarithm(s.sum) - (logits[c.numbers[row]] - s.largest);
      }
      total += sum;
    }
    ASSERT_EQ(row, c.rows);
    EXPECT_EQ(bits(outcome.result()), bits({total * (1.0f / 101)})) << outcome.tiles.size() << " tiles";
    EXPECT_EQ(outcome.tiles.size() > 1, !settings.empty());
  }
}

TEST(VectorValues, CrossEntropyGradient) {
  const Classification c(101, 13);
  test::SingleOp op;
  op.keep(op.op(OpKind::cross_entropy_grad, {op.input(c.shape(), c.logits), op.classes(c.numbers)})[0]);
  std::vector<float> expected;
  for (std::size_t row = 0; row < c.rows; ++row) {
    const Softmax s = softmax(c.logits.data() + row * c.columns, c.columns);
    for (std::size_t i = 0; i < c.columns; ++i) {
      const float hot = static_cast<std::size_t>(c.numbers[row]) == i ? 1.0f : 0.0f;
      expected.push_back((s.exponentials[i] / s.sum - hot) * (1.0f / 101));
    }
  }
  EXPECT_EQ(bits(run(op, OpKind::cross_entropy_grad).result()), bits(expected));
  EXPECT_EQ(bits(run(op, OpKind::cross_entropy_grad, small).result()), bits(expected));
}

TEST(VectorValues, ClassNumberOutOfRangeIsAFault) {
  test::SingleOp op;
  op.keep(op.op(OpKind::cross_entropy, {op.input({2, 3}, {1, 2, 3, 4, 5, 6}), op.classes({1, 3})})[0]);
  try {
    run(op, OpKind::cross_entropy);
    FAIL() << "no fault";
  } catch (const device::Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("class number 3 of 3"), std::string::npos) << fault.what();
  }
}

TEST(VectorValues, SgdWithAndWithoutMomentum) {
  constexpr std::size_t elements = 1201;
  test::Values values(10);
  const auto w = values.many(elements), g = values.many(elements), v = values.many(elements);
  const float rate = 0.1f, momentum = 0.9f;
  for (const bool has_momentum : {false, true}) {
    test::SingleOp op;
    std::vector<graph::TensorId> inputs = {op.parameter("w", {1201}, w), op.input({1201}, g)};
    if (has_momentum) inputs.push_back(op.parameter("v", {1201}, v));
    const auto made = op.op(OpKind::sgd, inputs, {{"learning_rate", 0.1}, {"momentum", has_momentum ? 0.9 : 0.0}});
    op.job.graph.updates.push_back({inputs[0], made[0]});
    if (has_momentum) op.job.graph.updates.push_back({inputs[2], made[1]});
    std::vector<float> new_w, new_v;
    for (std::size_t i = 0; i < elements; ++i) {
      const float step = has_momentum ? momentum * v[i] + g[i] : g[i];
      new_v.push_back(step);
      new_w.push_back(w[i] - rate * step);
    }
    for (const test::Settings& settings : {test::Settings{}, small}) {
      const Outcome outcome = run(op, OpKind::sgd, settings);
      EXPECT_EQ(bits(outcome.result("w")), bits(new_w));
      if (!has_momentum) continue;
      EXPECT_EQ(bits(outcome.result("v")), bits(new_v));
    }
  }
}

}  // namespace
}  // namespace triad::tpu
