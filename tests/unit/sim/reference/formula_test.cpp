#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "sim/device/host_tensor.hpp"
#include "sim/numerics/elementary.hpp"
#include "sim/numerics/random.hpp"
#include "sim/reference/kernels.hpp"

/// The interpreter of formulas against their definition, point by point.
namespace triad::reference {
namespace {

using device::HostTensor;
using graph::Formula;
using graph::Function;
using graph::Shape;
using graph::Term;
using numerics::Format;

/// A formula over random operands, and its results by definition.
class Case {
 public:
  explicit Case(unsigned seed) : engine_(seed) {
    const std::int64_t extents[] = {1, 2, 3, 5, 7, 17, 131, 700};
    const std::size_t rank = 1 + below(4);
    std::int64_t points = 1;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      std::int64_t extent = extents[below(std::size(extents))];
      if (points * extent > 40000) extent = 2;
      points *= extent;
      formula.space.push_back(extent);
      formula.reduced.push_back(below(2) == 0);
    }
    const std::size_t count = 1 + below(3);
    for (std::size_t i = 0; i < count; ++i) operand();
    for (std::size_t i = 0; i < 10; ++i) term();
    results();
  }

  Formula formula;
  std::vector<HostTensor> operands;

  /// Executes it with the interpreter; compares every bit.
  void check(const Formula& executed, int threads) {
    std::vector<Source> sources;
    for (const HostTensor& operand : operands) sources.push_back({operand.bytes.data(), operand.format});
    std::vector<HostTensor> made;
    std::vector<Target> targets;
    for (const Formula::Result& result : formula.results) {
      made.push_back(HostTensor::zeros({result.per_row ? formula.rows() : graph::elements(formula.space)}));
    }
    for (HostTensor& tensor : made) targets.push_back({tensor.bytes.data(), tensor.format});
    execute_formula(executed, sources, targets, threads);
    const std::vector<std::vector<float>> expected = by_definition();
    for (std::size_t i = 0; i < made.size(); ++i) {
      ASSERT_EQ(made[i].floats(), expected[i]) << "result " << i << " of " << to_string(executed);
    }
  }

 private:
  std::size_t below(std::size_t n) { return engine_() % n; }

  /// Small integers, so that all sums and products are exact in whatever order; broadcast along some axes, and with its
  /// axes in a random order in memory.
  void operand() {
    const std::size_t rank = formula.space.size();
    std::vector<std::size_t> order(rank);
    for (std::size_t axis = 0; axis < rank; ++axis) order[axis] = axis;
    if (below(2) == 0) std::shuffle(order.begin(), order.end(), engine_);
    std::vector<std::int64_t> strides(rank, 0);
    std::int64_t size = 1;
    for (std::size_t i = rank; i-- > 0;) {
      if (below(4) == 0) continue;
      strides[order[i]] = size;
      size *= formula.space[order[i]];
    }
    formula.strides.push_back(strides);
    const Format formats[] = {Format::fp32, Format::fp32, Format::bf16, Format::fp16, Format::int8, Format::int32};
    std::vector<float> values(static_cast<std::size_t>(size));
    for (float& v : values) v = static_cast<float>(below(5)) - 2;
    operands.push_back(HostTensor::of({size}, values, formats[below(std::size(formats))]));
  }

  void term() {
    const Function functions[] = {Function::operand, Function::operand, Function::constant, Function::coordinate,
                                  Function::uniform, Function::add,     Function::subtract, Function::multiply,
                                  Function::minimum, Function::maximum, Function::greater,  Function::equal,
                                  Function::select,  Function::row_sum, Function::row_sum,  Function::row_maximum};
    Term made{formula.terms.empty() ? Function::operand : functions[below(std::size(functions))]};
    if (made.function == Function::operand) made.arguments[0] = static_cast<int>(below(operands.size()));
    if (made.function == Function::coordinate) made.arguments[0] = static_cast<int>(below(formula.space.size()));
    if (made.function == Function::constant) made.value = static_cast<double>(below(3));
    if (made.function == Function::uniform) made.value = static_cast<double>(below(100));
    for (int i = 0; i < arity(made.function); ++i) {
      made.arguments[static_cast<std::size_t>(i)] = static_cast<int>(below(formula.terms.size()));
    }
    formula.add(made);
  }

  void results() {
    const std::vector<bool> per_row = formula.per_row();
    const std::size_t count = 1 + below(3);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t t = formula.terms.size() - 1 - below(std::min<std::size_t>(3, formula.terms.size()));
      formula.results.push_back({static_cast<int>(t), per_row[t] && below(2) == 0});
    }
  }

  /// All terms at every point, a term at a time.
  std::vector<std::vector<float>> by_definition() {
    const auto points = static_cast<std::size_t>(graph::elements(formula.space)),
               rows = static_cast<std::size_t>(formula.rows());
    std::vector<std::vector<std::int64_t>> at(points);
    std::vector<std::size_t> row(points);
    for (std::size_t p = 0; p < points; ++p) {
      auto rest = static_cast<std::int64_t>(p);
      at[p].resize(formula.space.size());
      for (std::size_t axis = formula.space.size(); axis-- > 0;) {
        at[p][axis] = rest % formula.space[axis];
        rest /= formula.space[axis];
      }
      for (std::size_t axis = 0; axis < formula.space.size(); ++axis) {
        if (!formula.reduced[axis])
          row[p] = row[p] * static_cast<std::size_t>(formula.space[axis]) + static_cast<std::size_t>(at[p][axis]);
      }
    }
    std::vector<std::vector<float>> data, values;
    for (const HostTensor& operand : operands) data.push_back(operand.floats());
    for (const Term& term : formula.terms) {
      std::vector<float> y(points);
      std::vector<double> sums(rows, 0.0);
      std::vector<float> largest(rows, -std::numeric_limits<float>::infinity());
      const auto argument = [&](std::size_t i, std::size_t p) {
        return values[static_cast<std::size_t>(term.arguments[i])][p];
      };
      for (std::size_t p = 0; p < points; ++p) {
        switch (term.function) {
          case Function::operand: {
            const auto number = static_cast<std::size_t>(term.arguments[0]);
            std::int64_t offset = 0;
            for (std::size_t axis = 0; axis < at[p].size(); ++axis)
              offset += at[p][axis] * formula.strides[number][axis];
            y[p] = data[number][static_cast<std::size_t>(offset)];
            break;
          }
          case Function::constant:
            y[p] = static_cast<float>(term.value);
            break;
          case Function::coordinate:
            y[p] = static_cast<float>(at[p][static_cast<std::size_t>(term.arguments[0])]);
            break;
          case Function::uniform:
            y[p] = numerics::uniform(static_cast<std::uint32_t>(term.value),
                                     static_cast<std::uint32_t>(static_cast<std::int32_t>(argument(0, p))),
                                     static_cast<std::uint32_t>(p));
            break;
          case Function::add:
            y[p] = argument(0, p) + argument(1, p);
            break;
          case Function::subtract:
            y[p] = argument(0, p) - argument(1, p);
            break;
          case Function::multiply:
            y[p] = argument(0, p) * argument(1, p);
            break;
          case Function::minimum:
            y[p] = std::min(argument(0, p), argument(1, p));
            break;
          case Function::maximum:
            y[p] = std::max(argument(0, p), argument(1, p));
            break;
          case Function::greater:
            y[p] = argument(0, p) > argument(1, p);
            break;
          case Function::equal:
            y[p] = argument(0, p) == argument(1, p);
            break;
          case Function::select:
            y[p] = argument(0, p) != 0 ? argument(1, p) : argument(2, p);
            break;
          case Function::row_sum:
            sums[row[p]] += argument(0, p);
            break;
          case Function::row_maximum:
            largest[row[p]] = std::max(largest[row[p]], argument(0, p));
            break;
          default:
            ADD_FAILURE();
        }
      }
      for (std::size_t p = 0; p < points; ++p) {
        if (term.function == Function::row_sum) y[p] = static_cast<float>(sums[row[p]]);
        if (term.function == Function::row_maximum) y[p] = largest[row[p]];
      }
      values.push_back(y);
    }
    std::vector<std::vector<float>> made;
    for (const Formula::Result& result : formula.results) {
      const std::vector<float>& y = values[static_cast<std::size_t>(result.term)];
      made.emplace_back(result.per_row ? rows : points);
      for (std::size_t p = 0; p < points; ++p) made.back()[result.per_row ? row[p] : p] = y[p];
    }
    return made;
  }

  std::mt19937 engine_;
};

TEST(Formula, EveryResultIsThatOfTheDefinition) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(seed);
    Case test(seed);
    test.check(test.formula, 1);
    if (HasFatalFailure()) return;
    test.check(simplified(test.formula), 3);
    if (HasFatalFailure()) return;
  }
}

/// One operand, one result.
std::vector<float> map(Function function, const std::vector<float>& x, const std::vector<float>& y = {}) {
  Formula formula;
  formula.space = {static_cast<std::int64_t>(x.size())};
  formula.reduced = {false};
  formula.strides = {{1}, {1}};
  const int a = formula.add({Function::operand, {0, -1, -1}}), b = formula.add({Function::operand, {1, -1, -1}});
  formula.results = {{formula.add({function, {a, b, -1}}), false}};
  std::vector<float> result(x.size());
  const Source sources[] = {{reinterpret_cast<const std::byte*>(x.data())},
                            {reinterpret_cast<const std::byte*>((y.empty() ? x : y).data())}};
  const Target targets[] = {{reinterpret_cast<std::byte*>(result.data())}};
  execute_formula(formula, sources, targets);
  return result;
}

TEST(Formula, TranscendentalFunctionsAreThoseOfNumerics) {
  std::mt19937 engine(3);
  std::vector<float> x(10007);
  for (float& v : x)
    v = numerics::float_of(static_cast<std::uint32_t>(engine()));  // NaN, infinity, subnormal among them
  for (std::size_t i = 0; i < 5000; ++i) x[i] = static_cast<float>(engine()) * 0x1p-27f - 16.0f;
  const std::pair<Function, float (*)(float)> functions[] = {{Function::exponential, numerics::exponential},
                                                             {Function::logarithm, numerics::logarithm},
                                                             {Function::tanh, numerics::hyperbolic_tangent},
                                                             {Function::error_function, numerics::error_function},
                                                             {Function::square_root, std::sqrt},
                                                             {Function::round, std::nearbyint}};
  for (const auto& [function, scalar] : functions) {
    const std::vector<float> got = map(function, x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(numerics::bits_of(numerics::canonical(got[i])), numerics::bits_of(numerics::canonical(scalar(x[i]))))
          << to_string(function) << " of " << x[i];
    }
  }
}

TEST(Formula, NotANumberIsLargestAndSmallest) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Function function : {Function::maximum, Function::minimum}) {
    EXPECT_TRUE(std::isnan(map(function, {nan}, {1})[0]));
    EXPECT_TRUE(std::isnan(map(function, {1}, {nan})[0]));
  }
  for (const std::int64_t n : {3, 40, 2000}) {
    for (const std::int64_t place : {std::int64_t{0}, n / 2, n - 1}) {
      std::vector<float> x(static_cast<std::size_t>(n), 1.0f);
      x[static_cast<std::size_t>(place)] = nan;
      Formula formula{
          {n}, {true}, {{1}}, {{Function::operand, {0, -1, -1}}, {Function::row_maximum, {0, -1, -1}}}, {{1, true}}};
      float result = 0;
      const Source source{reinterpret_cast<const std::byte*>(x.data())};
      const Target target{reinterpret_cast<std::byte*>(&result)};
      execute_formula(formula, {&source, 1}, {&target, 1});
      EXPECT_TRUE(std::isnan(result)) << n << " " << place;
    }
  }
}

/// Ones after a large number: fp32 additions would lose every one of them.
TEST(Formula, RowSumsAreRoundedOnce) {
  const std::int64_t n = 4097;
  std::vector<float> x(static_cast<std::size_t>(n), 1.0f);
  x[0] = 0x1p25f;
  Formula formula{
      {n}, {true}, {{1}}, {{Function::operand, {0, -1, -1}}, {Function::row_sum, {0, -1, -1}}}, {{1, true}}};
  float result = 0;
  const Source source{reinterpret_cast<const std::byte*>(x.data())};
  const Target target{reinterpret_cast<std::byte*>(&result)};
  execute_formula(formula, {&source, 1}, {&target, 1});
  EXPECT_EQ(result, 0x1p25f + 4096);
}

}  // namespace
}  // namespace triad::reference
