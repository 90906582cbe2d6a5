#include <gtest/gtest.h>

#include <cmath>

#include "../single_op.hpp"
#include "sim/numerics/elementary.hpp"
#include "sim/numerics/random.hpp"
#include "support.hpp"

/// Microprograms on the whole machine, bit for bit against their definition: every term over the whole space, one after
/// the other, sums of rows in the stated order. How the engine cuts the space into blocks, passes and chunks must not
/// be seen.
namespace triad::asic {
namespace {

using graph::Formula;
using graph::Function;
using test::bits;
using test::SingleOp;
using test::Values;

struct Machine {
  std::string preset;
  test::Settings settings;
};

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// The definition. `chains`: partial sums of a row where the innermost axis is reduced.
std::vector<std::vector<float>> evaluate(const Formula& f, const std::vector<std::vector<float>>& operands,
                                         int chains) {
  const std::int64_t points = graph::elements(f.space);
  const bool rows = std::ranges::find(f.reduced, true) != f.reduced.end();
  std::vector<std::int64_t> row(at(points), 0);
  std::vector<std::vector<std::int64_t>> index(at(points));
  std::int64_t row_count = 1;
  for (std::int64_t p = 0; p < points; ++p) {
    std::int64_t rest = p, place = 1;
    index[at(p)].resize(f.space.size());
    for (std::size_t axis = f.space.size(); axis-- > 0; rest /= f.space[axis]) {
      index[at(p)][axis] = rest % f.space[axis];
      if (rows && f.reduced[axis]) continue;
      row[at(p)] += index[at(p)][axis] * place;
      place *= f.space[axis];
    }
    row_count = std::max(row_count, row[at(p)] + 1);
  }
  std::vector<std::vector<float>> terms;
  for (const graph::Term& term : f.terms) {
    std::vector<float> value(at(points));
    const auto arg = [&](int i, std::int64_t p) { return terms[at(term.arguments[at(i)])][at(p)]; };
    if (term.function == Function::row_sum || term.function == Function::row_maximum) {
      std::vector<std::vector<float>> of(at(row_count));
      for (std::int64_t p = 0; p < points; ++p) of[at(row[at(p)])].push_back(arg(0, p));
      for (std::int64_t p = 0; p < points; ++p) {
        const auto& values = of[at(row[at(p)])];
        if (term.function == Function::row_sum) {
          value[at(p)] = numerics::lane_sum(values, f.reduced.back() ? chains : 1);
        } else {
          float most = values[0];
          for (const float x : values) most = x > most || x != x ? x : most;
          value[at(p)] = most;
        }
      }
      terms.push_back(value);
      continue;
    }
    for (std::int64_t p = 0; p < points; ++p) {
      float& v = value[at(p)];
      switch (term.function) {
        case Function::operand: {
          std::int64_t place = 0;
          for (std::size_t axis = 0; axis < f.space.size(); ++axis) {
            place += index[at(p)][axis] * f.strides[at(term.arguments[0])][axis];
          }
          v = operands[at(term.arguments[0])][at(place)];
          break;
        }
        case Function::constant:
          v = static_cast<float>(term.value);
          break;
        case Function::coordinate:
          v = static_cast<float>(index[at(p)][at(term.arguments[0])]);
          break;
        case Function::uniform:
          v = numerics::uniform(static_cast<std::uint32_t>(term.value), static_cast<std::uint32_t>(arg(0, p)),
                                static_cast<std::uint32_t>(p));
          break;
        case Function::add:
          v = arg(0, p) + arg(1, p);
          break;
        case Function::subtract:
          v = arg(0, p) - arg(1, p);
          break;
        case Function::multiply:
          v = arg(0, p) * arg(1, p);
          break;
        case Function::divide:
          v = arg(0, p) / arg(1, p);
          break;
        case Function::minimum:
        case Function::maximum: {
          const float a = arg(0, p), b = arg(1, p);
          const bool first = term.function == Function::maximum ? a > b : a < b;
          v = a != a ? a : b != b ? b : first ? a : b;
          break;
        }
        case Function::greater:
          v = arg(0, p) > arg(1, p) ? 1.0f : 0.0f;
          break;
        case Function::equal:
          v = arg(0, p) == arg(1, p) ? 1.0f : 0.0f;
          break;
        case Function::select:
          v = arg(0, p) != 0 ? arg(1, p) : arg(2, p);
          break;
        case Function::exponential:
          v = numerics::exponential(arg(0, p));
          break;
        case Function::logarithm:
          v = numerics::logarithm(arg(0, p));
          break;
        case Function::square_root:
          v = std::sqrt(arg(0, p));
          break;
        case Function::tanh:
          v = numerics::hyperbolic_tangent(arg(0, p));
          break;
        case Function::error_function:
          v = numerics::error_function(arg(0, p));
          break;
        case Function::round:
          v = std::nearbyintf(arg(0, p));
          break;
        default:
          ADD_FAILURE();
      }
    }
    terms.push_back(value);
  }
  std::vector<std::vector<float>> results;
  for (const auto& result : f.results) {
    std::vector<float> out;
    std::vector<bool> seen(at(row_count), false);
    for (std::int64_t p = 0; p < points; ++p) {
      if (result.per_row && rows && seen[at(row[at(p)])]) continue;
      seen[at(row[at(p)])] = true;
      out.push_back(numerics::canonical(terms[at(result.term)][at(p)]));
    }
    results.push_back(out);
  }
  return results;
}

/// Any formula: a space of up to four axes, some reduced, operands that repeat here and there, terms of all functions.
Formula random_formula(Values& values, const graph::Shape& space, const std::vector<bool>& reduced, int operands) {
  Formula f;
  f.space = space;
  f.reduced = reduced;
  for (int o = 0; o < operands; ++o) {
    std::vector<std::int64_t> strides(space.size(), 0);
    std::int64_t stride = 1;
    for (std::size_t axis = space.size(); axis-- > 0;) {
      if (o > 0 && values.below(3) == 0) continue;
      strides[axis] = space[axis] == 1 ? 0 : stride;
      stride *= space[axis];
    }
    f.strides.push_back(strides);
    f.terms.push_back({Function::operand, {o, -1, -1}, 0});
  }
  f.terms.push_back({Function::constant, {-1, -1, -1}, 0.75});
  f.terms.push_back(
      {Function::coordinate, {static_cast<int>(values.below(static_cast<unsigned>(space.size()))), -1, -1}, 0});
  const bool rows = std::ranges::find(reduced, true) != reduced.end();
  const int count = 4 + static_cast<int>(values.below(10));
  for (int i = 0; i < count; ++i) {
    const auto any = [&] {
      // Late terms more often, so that chains of stages come about.
      const auto size = static_cast<std::uint32_t>(f.terms.size());
      return static_cast<int>(std::max(values.below(size), values.below(size)));
    };
    const std::uint32_t kinds = rows ? 21 : 19;
    auto function = static_cast<Function>(3 + values.below(kinds - 3));
    if (rows && values.below(4) == 0) function = values.below(2) == 0 ? Function::row_sum : Function::row_maximum;
    if (function == Function::uniform) {
      f.terms.push_back({function, {operands, -1, -1}, 12345});
      continue;
    }
    f.terms.push_back({function, {any(), any(), any()}, 0});
    for (int a = graph::arity(function); a < 3; ++a) f.terms.back().arguments[at(a)] = -1;
  }
  const std::vector<bool> per_row = f.per_row();
  const int last = static_cast<int>(f.terms.size()) - 1;
  f.results.push_back({last, rows && per_row[at(last)]});
  if (values.below(2) == 0) f.results.push_back({last - 2, rows && per_row[at(last - 2)]});
  return f;
}

struct Case {
  SingleOp op;
  Formula formula;
  std::vector<std::vector<float>> expected;
};

Case make_case(Values& values, const graph::Shape& space, const std::vector<bool>& reduced, int chains, bool special) {
  Case c;
  const int operands = 1 + static_cast<int>(values.below(4));
  c.formula = random_formula(values, space, reduced, operands);
  std::vector<std::vector<float>> given;
  graph::Op op{graph::OpKind::fused, "fused", graph::Phase::forward, {}, {}, {}};
  for (int o = 0; o < operands; ++o) {
    std::int64_t elements = 1;
    for (std::size_t axis = 0; axis < space.size(); ++axis) {
      if (c.formula.strides[at(o)][axis] != 0) elements *= space[axis];
    }
    given.push_back(values.many(at(elements), special));
    op.inputs.push_back(c.op.input({elements}, given.back()));
  }
  c.expected = evaluate(c.formula, given, chains);
  for (const auto& result : c.expected) {
    const std::string name = "made" + std::to_string(op.outputs.size());
    op.outputs.push_back(
        c.op.job.graph.add_tensor({name, {static_cast<std::int64_t>(result.size())}, numerics::Format::fp32}));
  }
  op.formula = std::make_shared<Formula>(c.formula);
  op.members = {"fused"};
  op.member_flops = 1;
  c.op.job.graph.replace_ops({op});
  for (std::size_t r = 0; r < op.outputs.size(); ++r) c.op.keep(op.outputs[r], "result" + std::to_string(r));
  return c;
}

void expect_exact(std::vector<Case>& cases, const Machine& machine) {
  const auto device = test::make(machine.preset, machine.settings);
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  for (const Case& c : cases) {
    programs.push_back(device->lower(c.op.job));
    tasks.push_back(test::task(*device, *programs.back(), c.op.job));
  }
  const auto results = experiment::run_in_children(tasks, false);
  for (std::size_t i = 0; i < cases.size(); ++i) {
    for (std::size_t r = 0; r < cases[i].expected.size(); ++r) {
      std::vector<float> got = results[i].weights.at("result" + std::to_string(r)).floats();
      for (float& x : got) x = numerics::canonical(x);  // a NaN that is passed on keeps its bits
      ASSERT_EQ(bits(got), bits(cases[i].expected[r])) << "case " << i << " result " << r << "\n"
                                                       << graph::to_string(cases[i].formula);
    }
  }
}

/// Spaces of 1, primes, more than a burst, more than the operand RAM; every pattern of reduced axes.
void expect_random(unsigned seed, int count, const Machine& machine, int chains, std::int64_t largest, bool special) {
  Values values(seed);
  const std::vector<std::int64_t> sizes = {1, 2, 3, 5, 7, 16, 17, 41, 64, 100, 257, 1031};
  std::vector<Case> cases;
  while (static_cast<int>(cases.size()) < count) {
    graph::Shape space(1 + values.below(4));
    std::vector<bool> reduced;
    for (auto& extent : space) extent = sizes[values.below(static_cast<unsigned>(sizes.size()))];
    const std::uint32_t pattern = values.below(3) == 0 ? 0 : values.below(16);
    for (std::size_t axis = 0; axis < space.size(); ++axis) reduced.push_back(((pattern >> axis) & 1) != 0);
    if (graph::elements(space) > largest) continue;
    cases.push_back(make_case(values, space, reduced, chains, special));
  }
  expect_exact(cases, machine);
}

TEST(FormulaValues, RandomOnTiny) {
  expect_random(1, 60, {"tiny", {}}, 4 * 2, 3000, false);
}
TEST(FormulaValues, RandomWithSpecialValues) {
  expect_random(2, 40, {"tiny", {}}, 4 * 2, 1000, true);
}
/// Next to no operand RAM: a strip is a row or a few, nothing is cached, nothing resident but scalars.
TEST(FormulaValues, RandomWithoutRoom) {
  expect_random(3, 40, {"tiny", {"pointwise.operand_ram=160 B", "burst=32 B", "pointwise.stream_buffer=32 B"}}, 4 * 2,
                1500, false);
}
TEST(FormulaValues, RandomOnTheLargeMachine) {
  expect_random(4, 40, {"nvdla-2048-train", {}}, 16 * 4, 40000, false);
}
TEST(FormulaValues, RandomWithASlowMemory) {
  expect_random(5, 20, {"tiny", {"memory.credits=1", "command.register_groups=1", "memory.latency=1 us"}}, 4 * 2, 500,
                false);
}

/// The update engine: parameters and states in place, over several steps, as the graph's formula says.
TEST(UpdateValues, OptimizersInPlace) {
  for (const graph::OpKind kind : {graph::OpKind::sgd, graph::OpKind::adam}) {
    for (const int count : {1, 13, 77, 300}) {
      Values values(8);
      const auto size = at(count);
      SingleOp op;
      std::vector<std::vector<float>> given = {values.many(size), values.many(size)};
      std::vector<graph::TensorId> inputs = {op.parameter("p", {count}, given[0]), op.input({count}, given[1])};
      const bool adam = kind == graph::OpKind::adam;
      for (const float scalar : adam ? std::vector<float>{0.1f, 0.1f, 0.001f} : std::vector<float>{0.1f}) {
        given.push_back({scalar});
        inputs.push_back(op.input({}, {scalar}));
      }
      for (const char* state : adam ? std::vector<const char*>{"m", "v"} : std::vector<const char*>{"velocity"}) {
        given.push_back(values.many(size));
        for (float& x : given.back()) x = std::abs(x);
        inputs.push_back(op.parameter(state, {count}, given.back()));
      }
      graph::Attributes attributes = {{"weight_decay", 0.01}};
      if (!adam) attributes["momentum"] = 0.9;
      const auto out = op.job.graph.add_op(kind, "step", inputs, attributes, graph::Phase::update);
      const std::size_t states = adam ? 5 : 3;
      op.job.graph.updates.push_back({inputs[0], out[0]});
      for (std::size_t i = 1; i < out.size(); ++i) op.job.graph.updates.push_back({inputs[states + i - 1], out[i]});
      const auto expected = evaluate(graph::formula_of(op.job.graph, op.job.graph.ops[0]), given, 1);
      const device::RunResult result = test::run(*test::make("tiny"), op.job);
      EXPECT_EQ(bits(result.weights.at("p").floats()), bits(expected[0]));
      EXPECT_EQ(bits(result.weights.at(adam ? "m" : "velocity").floats()), bits(expected[1]));
      const auto update = std::ranges::find(result.units, "update", &device::UnitResult::name);
      EXPECT_GT(update->cycles.at("busy"), 0u);
    }
  }
}

TEST(FormulaValues, Casts) {
  Values values(3);
  for (const int count : {1, 31, 64, 101}) {
    const auto a = values.many(at(count), true);
    SingleOp op;
    const auto narrow = op.op(graph::OpKind::cast, {op.input({count}, a)}, {{"format", std::string("bf16")}})[0];
    op.keep(op.op(graph::OpKind::cast, {narrow}, {{"format", std::string("fp32")}})[0]);
    std::vector<float> expected;
    for (const float x : a) expected.push_back(numerics::round_bf16(x));
    EXPECT_EQ(bits(test::run(*test::make("tiny"), op.job).weights.at("result").floats()), bits(expected));
  }
}

}  // namespace
}  // namespace triad::asic
