#include "oracle.hpp"
#include "sim/graph/formula.hpp"
#include "sim/numerics/elementary.hpp"

/// Formulas on the whole device: random ones over random spaces against the reference, every function to the bit.
namespace triad::tpu {
namespace {

using graph::Formula;
using graph::Function;
using graph::Shape;
using graph::Term;
using numerics::Format;
using test::Net;

/// A random formula over small whole numbers, so that every order of additions gives the same.
device::Job random_formula(unsigned seed, std::int64_t most_points) {
  test::Values random(seed);
  Net net(fmt::format("formula {}", seed));
  Formula f;
  constexpr std::int64_t extents[] = {1, 2, 3, 5, 7, 17, 131};
  std::int64_t points = 1;
  for (std::uint32_t axis = 0, rank = 1 + random.below(4); axis < rank; ++axis) {
    std::int64_t extent = extents[random.below(std::size(extents))];
    if (points * extent > most_points) extent = 2;
    points *= extent;
    f.space.push_back(extent);
    f.reduced.push_back(random.below(2) == 0);
  }
  std::vector<graph::TensorId> inputs;
  for (std::uint32_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    std::vector<std::int64_t> strides(f.space.size(), 0);
    std::int64_t size = 1;
    for (std::size_t axis = f.space.size(); axis-- > 0;) {
      if (random.below(4) == 0) continue;
      strides[axis] = size;
      size *= f.space[axis];
    }
    f.strides.push_back(strides);
    constexpr Format formats[] = {Format::fp32, Format::fp32, Format::bf16, Format::int8, Format::int32};
    inputs.push_back(net.input({size}, test::whole(random, size), formats[random.below(std::size(formats))]));
  }
  constexpr Function functions[] = {Function::operand, Function::operand, Function::constant, Function::coordinate,
                                    Function::uniform, Function::add,     Function::subtract, Function::multiply,
                                    Function::minimum, Function::maximum, Function::greater,  Function::equal,
                                    Function::select,  Function::row_sum, Function::row_sum,  Function::row_maximum,
                                    Function::round};
  std::vector<int> usable;  // terms that are whole numbers: sums of fractions depend on the order
  for (int i = 0; i < 12; ++i) {
    Term term{f.terms.empty() ? Function::operand : functions[random.below(std::size(functions))]};
    const auto below = [&](std::size_t n) { return static_cast<int>(random.below(static_cast<std::uint32_t>(n))); };
    if (term.function == Function::operand) term.arguments[0] = below(inputs.size());
    if (term.function == Function::coordinate) term.arguments[0] = below(f.space.size());
    if (term.function == Function::constant) term.value = below(3);
    if (term.function == Function::uniform) term.value = below(100);
    for (int a = 0; a < graph::arity(term.function); ++a)
      term.arguments[static_cast<std::size_t>(a)] = usable[static_cast<std::size_t>(below(usable.size()))];
    if (term.function == Function::uniform || term.function == Function::coordinate) {
      const int drawn = f.add(term);
      const int half = f.add({Function::constant, {-1, -1, -1}, 0.5});
      term = {Function::greater, {drawn, half, -1}};
    }
    usable.push_back(f.add(term));
  }
  const std::vector<bool> per_row = f.per_row();
  graph::Op op{graph::OpKind::fused, "fused", graph::Phase::forward, inputs, {}, {}};
  for (std::uint32_t i = 0, count = 1 + random.below(3); i < count; ++i) {
    const std::size_t t =
        f.terms.size() - 1 - random.below(static_cast<std::uint32_t>(std::min<std::size_t>(4, f.terms.size())));
    const bool by_row = per_row[t] && random.below(2) == 0;
    f.results.push_back({static_cast<int>(t), by_row});
    op.outputs.push_back(net.job.graph.add_tensor(
        {fmt::format("result{}", i), {by_row ? f.rows() : points}, Format::fp32, graph::Role::activation}));
  }
  op.formula = std::make_shared<const Formula>(random.below(2) == 0 ? graph::simplified(f) : f);
  net.job.graph.replace_ops({op});
  return net.job;
}

std::vector<device::Job> random_formulas(unsigned seed, unsigned count, std::int64_t most_points) {
  std::vector<device::Job> jobs;
  for (unsigned i = 0; i < count; ++i) jobs.push_back(random_formula(seed + i, most_points));
  return jobs;
}

TEST(Formulas, RandomOnesAtOnce) {
  test::expect_reference(random_formulas(1, 60, 2000), {});
}
/// 4 KiB on chip: boxes, and rows that do not fit.
TEST(Formulas, RandomOnesInParts) {
  test::expect_reference(random_formulas(1000, 60, 5000), {"vmem.size=4 KiB", "vpu.lanes=3"});
  test::expect_reference(random_formulas(2000, 60, 5000), {"vmem.size=5 KiB", "vpu.lanes=8"});
}

/// y = function(x) by the stated sequence, on values of all kinds, in one part and in several.
void expect_function(graph::OpKind kind, float (*function)(float), graph::Attributes attributes = {}) {
  test::Values random(static_cast<unsigned>(kind));
  const std::vector<float> x = random.many(1500, true);
  Net net(graph::to_string(kind));
  const auto y = net.op(kind, {net.input({1500}, x)}, std::move(attributes))[0];
  for (const test::Settings& settings : {test::Settings{}, test::Settings{"vmem.size=4 KiB"}}) {
    const auto result = test::run(*test::make("tiny", settings), net.job);
    const std::vector<float> got = result.outputs.at(net.job.graph.tensor(y).name).floats();
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(numerics::bits_of(got[i]), numerics::bits_of(numerics::canonical(function(x[i]))))
          << graph::to_string(kind) << " of " << x[i];
    }
  }
}

TEST(Formulas, FunctionsAreTheStatedSequences) {
  expect_function(graph::OpKind::exp, [](float x) { return numerics::exponential(x); });
  expect_function(graph::OpKind::log, [](float x) { return numerics::logarithm(x); });
  expect_function(graph::OpKind::tanh, [](float x) { return numerics::hyperbolic_tangent(x); });
  expect_function(graph::OpKind::erf, [](float x) { return numerics::error_function(x); });
  expect_function(graph::OpKind::sqrt, [](float x) { return std::sqrt(x); });
  expect_function(graph::OpKind::relu, [](float x) { return x > 0 || x != x ? x : 0.0f; });
  expect_function(graph::OpKind::scale, [](float x) { return x * 0.37f; }, {{"factor", 0.37}});
}

/// A row longer than the lanes: lane_sum. Columns: a chain in order from +0.
TEST(Formulas, TheOrderOfSums) {
  test::Values random(7);
  const std::vector<float> x = random.many(13 * 29);
  const auto run = [&](std::int64_t axis) {
    Net net("sum");
    const auto y = net.op(graph::OpKind::reduce_sum, {net.input({13, 29}, x)}, {{"axes", std::vector{axis}}})[0];
    return test::run(*test::make("tiny"), net.job).outputs.at(net.job.graph.tensor(y).name).floats();
  };
  const std::vector<float> rows = run(1), columns = run(0);
  for (std::size_t row = 0; row < 13; ++row) {
    EXPECT_EQ(rows[row], numerics::lane_sum(std::span(x).subspan(29 * row, 29), 4));
  }
  for (std::size_t column = 0; column < 29; ++column) {
    float sum = 0;
    for (std::size_t row = 0; row < 13; ++row) sum += x[29 * row + column];
    EXPECT_EQ(columns[column], sum);
  }
}

/// Formats: bf16 rounds to nearest even, int8 by quantize.
TEST(Formulas, Formats) {
  test::Values random(8);
  std::vector<device::Job> jobs;
  for (const char* format : {"bf16", "fp32"}) {
    Net net(format);
    net.op(graph::OpKind::cast, {net.input({7, 13}, random.many(91, false))}, {{"format", std::string(format)}});
    jobs.push_back(net.job);
  }
  Net net("quantize");
  const auto scale = net.input({13}, std::vector<float>(13, 0.01f));
  net.op(graph::OpKind::quantize, {net.input({7, 13}, random.many(91)), scale});
  jobs.push_back(net.job);
  test::expect_reference(jobs, {});
}

}  // namespace
}  // namespace triad::tpu
