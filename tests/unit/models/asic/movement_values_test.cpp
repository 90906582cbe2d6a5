#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "sim/reference/reference.hpp"
#include "support.hpp"

/// Movements, windows and indexed ops on the whole machine against the host reference.
namespace triad::asic {
namespace {

using graph::OpKind;
using graph::Shape;
using test::SingleOp;
using test::Values;
using Integers = std::vector<std::int64_t>;

/// `exact`: to the last bit; otherwise to some units in the last place of the largest value.
void expect_same(const std::vector<SingleOp>& ops, const std::string& preset, const test::Settings& settings,
                 bool exact) {
  const auto device = test::make(preset, settings);
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  for (const SingleOp& op : ops) {
    programs.push_back(device->lower(op.job));
    tasks.push_back(test::task(*device, *programs.back(), op.job));
  }
  const auto results = experiment::run_in_children(tasks, false);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const reference::Outcome wanted = reference::run(ops[i].job);
    for (const auto& [name, expected] : wanted.weights) {
      const std::vector<float> got = results[i].weights.at(name).floats(), values = expected.floats();
      if (exact) {
        ASSERT_EQ(test::bits(got), test::bits(values)) << "case " << i << " " << ops[i].job.graph.ops[0].name << " of "
                                                       << graph::to_string(ops[i].job.graph.tensors[0].shape);
        continue;
      }
      for (std::size_t e = 0; e < got.size(); ++e) ASSERT_NEAR(got[e], values[e], 1e-5) << "case " << i << " " << e;
    }
  }
}

std::vector<float> many(Values& values, const Shape& shape, bool special = false) {
  return values.many(static_cast<std::size_t>(graph::elements(shape)), special);
}

Shape random_shape(Values& values, std::size_t rank, std::int64_t most) {
  const Integers sizes = {1, 2, 3, 5, 7, 16, 19, 33, 67};
  for (;;) {
    Shape shape(rank);
    for (auto& extent : shape) extent = sizes[values.below(static_cast<unsigned>(sizes.size()))];
    if (graph::elements(shape) <= most) return shape;
  }
}

std::vector<SingleOp> movements(unsigned seed, int count, std::int64_t most) {
  Values values(seed);
  std::vector<SingleOp> ops;
  for (int i = 0; i < count; ++i) {
    SingleOp op;
    const std::size_t rank = 1 + values.below(4);
    const Shape shape = random_shape(values, rank, most);
    const auto x = op.input(shape, many(values, shape, true));
    graph::TensorId y = -1;
    switch (i % 5) {
      case 0: {
        Integers permutation(rank);
        for (std::size_t a = 0; a < rank; ++a) permutation[a] = static_cast<std::int64_t>(a);
        for (std::size_t a = rank; a-- > 1;) {
          std::swap(permutation[a], permutation[values.below(static_cast<unsigned>(a + 1))]);
        }
        y = op.op(OpKind::transpose, {x}, {{"permutation", permutation}})[0];
        break;
      }
      case 1: {
        Integers begin, end, step;
        for (const std::int64_t extent : shape) {
          begin.push_back(values.below(static_cast<unsigned>(extent)));
          end.push_back(begin.back() + 1 + values.below(static_cast<unsigned>(extent - begin.back())));
          step.push_back(1 + values.below(3));
        }
        y = op.op(OpKind::slice, {x}, {{"begin", begin}, {"end", end}, {"step", step}})[0];
        break;
      }
      case 2: {
        const auto axis = static_cast<std::size_t>(values.below(static_cast<unsigned>(rank)));
        Shape other = shape;
        other[axis] = 4;
        const auto second = op.input(other, many(values, other));
        y = op.op(OpKind::concat, {x, second, x}, {{"axis", static_cast<std::int64_t>(axis)}})[0];
        break;
      }
      case 3: {
        Integers before, after, interior;
        for (const std::int64_t extent : shape) {
          before.push_back(static_cast<std::int64_t>(values.below(4)) - (extent > 2 ? 1 : 0));
          after.push_back(values.below(3));
          interior.push_back(values.below(3));
        }
        y = op.op(OpKind::pad, {x}, {{"before", before}, {"after", after}, {"interior", interior}, {"value", 1.5}})[0];
        break;
      }
      default: {
        Shape to = shape;
        for (auto& extent : to) extent = extent == 1 ? 3 : extent;
        to.insert(to.begin(), 2);
        y = op.op(OpKind::broadcast, {x}, {{"shape", to}})[0];
      }
    }
    op.keep(y);
    ops.push_back(op);
  }
  return ops;
}

TEST(MovementValues, RandomOnTiny) {
  expect_same(movements(1, 40, 2000), "tiny", {}, true);
}
TEST(MovementValues, RandomOnTheLargeMachine) {
  expect_same(movements(2, 25, 20000), "nvdla-2048-train", {}, true);
}
TEST(MovementValues, RandomWithASlowMemory) {
  expect_same(movements(3, 15, 500), "tiny", {"memory.credits=1", "memory.latency=1 us", "command.register_groups=1"},
              true);
}

std::vector<SingleOp> windows(unsigned seed, int count, bool maximum) {
  Values values(seed);
  std::vector<SingleOp> ops;
  while (static_cast<int>(ops.size()) < count) {
    SingleOp op;
    const Shape shape = random_shape(values, 4, 3000);
    Integers kernel, stride, padding;
    bool fits = true;
    for (int axis = 0; axis < 2; ++axis) {
      kernel.push_back(1 + values.below(4));
      stride.push_back(1 + values.below(3));
      padding.push_back(values.below(static_cast<unsigned>(kernel.back() / 2 + 1)));
      fits &= shape[static_cast<std::size_t>(axis) + 2] + 2 * padding.back() >= kernel.back();
    }
    if (!fits) continue;
    graph::Attributes attributes = {{"kernel", kernel}, {"stride", stride}, {"padding", padding}};
    if (!maximum) attributes["include_padding"] = values.below(2) == 0;
    const auto x = op.input(shape, many(values, shape));
    const auto y = op.op(maximum ? OpKind::max_pool : OpKind::average_pool, {x}, attributes);
    const Shape pooled = op.job.graph.tensor(y[0]).shape;
    op.keep(y[0], "pooled");
    if (maximum) op.keep(y[1], "argument");
    attributes["shape"] = shape;
    std::vector<graph::TensorId> of = {op.input(pooled, many(values, pooled))};
    if (maximum) of.insert(of.begin(), y[1]);
    op.keep(op.op(maximum ? OpKind::max_pool_grad : OpKind::average_pool_grad, of, attributes)[0], "gradient");
    ops.push_back(op);
  }
  return ops;
}

TEST(WindowValues, MaximumAndItsGradient) {
  expect_same(windows(4, 25, true), "tiny", {"pooling.line_buffer=4 KiB"}, false);
  expect_same(windows(5, 10, true), "nvdla-2048-train", {}, false);
}
TEST(WindowValues, AverageAndItsGradient) {
  expect_same(windows(6, 25, false), "tiny", {"pooling.line_buffer=4 KiB"}, false);
  expect_same(windows(7, 10, false), "nvdla-2048-train", {}, false);
}
TEST(WindowValues, ARowThatDoesNotFitIsAnError) {
  SingleOp op;
  const auto x = op.input({1, 1, 2, 400}, std::vector<float>(800));
  op.keep(op.op(OpKind::max_pool, {x}, {{"kernel", Integers{2, 1}}, {"stride", Integers{1, 1}}})[0]);
  try {
    test::make("tiny")->lower(op.job);
    FAIL() << "no error";
  } catch (const device::Unsupported& error) {
    EXPECT_EQ(std::string(error.what()),
              "max_pool0: max_pool: 6400 B of unfinished rows, the line buffer of the pooling engine holds 1024 B");
  }
}

/// Tables with rows of less and more than a burst; indices that repeat, so that additions follow one another closely.
std::vector<SingleOp> indexed(unsigned seed, int count) {
  Values values(seed);
  std::vector<SingleOp> ops;
  for (int i = 0; i < count; ++i) {
    SingleOp op;
    const Integers widths = {1, 3, 16, 17, 40, 130};
    const std::int64_t rows = 1 + values.below(7), width = widths[values.below(6)];
    std::vector<std::int32_t> numbers(1 + values.below(150));
    for (auto& number : numbers) number = static_cast<std::int32_t>(values.below(static_cast<unsigned>(rows)));
    const auto table = op.input({rows, width}, many(values, {rows, width}));
    const auto indices = op.classes(numbers);
    op.keep(op.op(OpKind::gather, {table, indices})[0], "gathered");
    const Shape gradient = {static_cast<std::int64_t>(numbers.size()), width};
    const auto dy = op.input(gradient, many(values, gradient));
    op.keep(op.op(OpKind::scatter_add, {dy, indices}, {{"rows", rows}})[0], "scattered");
    ops.push_back(op);
  }
  return ops;
}

/// Rows are added in the order of the indices, as the reference does: the same bits.
TEST(IndexedValues, GatherAndScatterAdd) {
  expect_same(indexed(8, 20), "tiny", {}, true);
  expect_same(indexed(9, 10), "nvdla-2048-train", {}, true);
  expect_same(indexed(10, 5), "tiny", {"memory.credits=1", "memory.latency=1 us"}, true);
}

TEST(IndexedValues, AnIndexThatDoesNotExistIsAFault) {
  SingleOp op;
  op.keep(op.op(OpKind::gather, {op.input({3, 2}, {1, 2, 3, 4, 5, 6}), op.classes({0, 3})})[0]);
  try {
    test::run(*test::make("tiny"), op.job);
    FAIL() << "no fault";
  } catch (const device::Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("index 1 is 3, the table has 3 rows"), std::string::npos) << fault.what();
  }
}

/// Cycles do not depend on which rows are named.
TEST(IndexedValues, TimingDoesNotDependOnTheIndices) {
  const auto cycles = [](std::int32_t step) {
    SingleOp op;
    std::vector<std::int32_t> numbers;
    for (std::int32_t i = 0; i < 100; ++i) numbers.push_back(i * step % 50);
    const auto indices = op.classes(numbers);
    op.keep(op.op(OpKind::gather, {op.input({50, 24}, std::vector<float>(1200, 1.0f)), indices})[0], "gathered");
    op.keep(op.op(OpKind::scatter_add, {op.input({100, 24}, std::vector<float>(2400, 1.0f)), indices},
                  {{"rows", std::int64_t{50}}})[0],
            "scattered");
    return test::run(*test::make("tiny"), op.job).cycles;
  };
  EXPECT_EQ(cycles(0), cycles(1));
  EXPECT_EQ(cycles(0), cycles(7));
}

}  // namespace
}  // namespace triad::asic
