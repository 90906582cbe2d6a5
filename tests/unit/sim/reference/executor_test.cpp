#include "sim/reference/executor.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <random>

#include "sim/graph/op.hpp"
#include "sim/reference/kernels.hpp"

namespace triad::reference {
namespace {

using device::HostTensor;
using graph::OpKind;
using graph::Role;
using graph::TensorId;
using numerics::Format;

std::vector<float> random_values(std::int64_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = static_cast<float>(engine()) * 0x1p-31f - 1.0f;
  return values;
}

TEST(Executor, AnActivationLivesUntilItsLastReader) {
  // x -> 1 -> 2 -> ... -> 20: an op's operand and its result, whatever the length of the chain.
  constexpr std::int64_t n = 1 << 16;
  graph::Graph graph;
  const TensorId x = graph.add_tensor({"x", {n}, Format::fp32, Role::input});
  TensorId y = x;
  for (int i = 0; i < 20; ++i) y = graph.add_op(OpKind::offset, "op" + std::to_string(i), {y}, {{"addend", 1.0}})[0];
  const HostTensor given = HostTensor::zeros({n});
  Executor executor(graph, std::vector<TensorId>{y}, false);
  executor.give(x, given);
  for (int step = 0; step < 3; ++step) executor.run();
  EXPECT_EQ(executor.value(y).floats(), std::vector<float>(n, 20.0f));
  EXPECT_EQ(given.floats(), std::vector<float>(n, 0.0f));
  // The result of the step before is alive until the new one is made.
  EXPECT_LE(executor.peak_bytes(), 3 * n * 4);
}

TEST(Executor, AReshapeSharesMemoryAndKeepsItAlive) {
  constexpr std::int64_t n = 1 << 16;
  graph::Graph graph;
  const TensorId x = graph.add_tensor({"x", {n}, Format::fp32, Role::input});
  const TensorId a = graph.add_op(OpKind::offset, "a", {x}, {{"addend", 1.0}})[0];
  const TensorId view = graph.add_op(OpKind::reshape, "view", {a}, {{"shape", graph::Shape{n / 2, 2}}})[0];
  const TensorId b = graph.add_op(OpKind::scale, "b", {view}, {{"factor", 2.0}})[0];
  const TensorId c = graph.add_op(OpKind::add, "c", {view, b})[0];
  const HostTensor given = HostTensor::zeros({n});
  Executor executor(graph, std::vector<TensorId>{c, view}, false);
  executor.give(x, given);
  executor.run();
  EXPECT_EQ(executor.value(c).floats(), std::vector<float>(n, 3.0f));
  EXPECT_EQ(executor.value(view).floats(), std::vector<float>(n, 1.0f));
  EXPECT_EQ(executor.peak_bytes(), 3 * n * 4);  // a and view, b, c
}

TEST(Executor, OnlyWhatIsNeeded) {
  graph::Graph graph;
  const TensorId x = graph.add_tensor({"x", {1}, Format::fp32, Role::input});
  const TensorId missing = graph.add_tensor({"missing", {1}, Format::fp32, Role::parameter});
  const TensorId y = graph.add_op(OpKind::scale, "y", {x}, {{"factor", 2.0}})[0];
  const TensorId z = graph.add_op(OpKind::add, "z", {y, missing})[0];
  device::Job job;
  job.batches[x] = {HostTensor::of({1}, {3})};
  Executor needed(graph, std::vector<TensorId>{y}, true), all(graph, std::vector<TensorId>{z}, true);
  needed.give_initial(job);
  needed.give_batch(job, 0);
  needed.run();
  EXPECT_EQ(needed.value(y).floats(), std::vector<float>{6});
  EXPECT_THROW(all.give_initial(job), std::invalid_argument);
}

TEST(Executor, WrongIndicesAndClassesAreErrors) {
  for (const std::int32_t wrong : {-1, 3}) {
    device::Job job;
    const TensorId table = job.graph.add_tensor({"table", {3, 2}, Format::fp32, Role::constant});
    const TensorId numbers = job.graph.add_tensor({"numbers", {2}, Format::int32, Role::input});
    const TensorId rows = job.graph.add_op(OpKind::gather, "rows", {table, numbers})[0];
    job.batches[numbers] = {HostTensor::of_integers({2}, {0, wrong})};
    Executor executor(job.graph, std::vector<TensorId>{rows}, false);
    executor.give_initial(job);
    executor.give_batch(job, 0);
    try {
      executor.run();
      FAIL();
    } catch (const std::invalid_argument& error) {
      EXPECT_EQ(error.what(), "rows: element 1 of numbers is " + std::to_string(wrong) + ": must be 0 to 2");
    }
  }
}

/// Large enough to be cut for two threads.
TEST(Contraction, TheBitsDoNotDependOnTheNumberOfThreads) {
  for (const Product& p : {Product{1, 257, 131, 191, false, true}, Product{3, 130, 100, 120, true, false}}) {
    const auto a = random_values(p.batch * p.m * p.k, 1), b = random_values(p.batch * p.k * p.n, 2);
    std::vector<float> one(static_cast<std::size_t>(p.batch * p.m * p.n)), two(one.size());
    multiply(p, a.data(), b.data(), one.data(), 1);
    multiply(p, a.data(), b.data(), two.data(), 2);
    EXPECT_EQ(one, two);
    // The last element of the last matrix, by definition: k roundings of partial sums below k.
    double sum = 0;
    for (std::int64_t i = 0; i < p.k; ++i) {
      const std::int64_t left = (p.batch - 1) * p.m * p.k + (p.transpose_a ? i * p.m + p.m - 1 : (p.m - 1) * p.k + i);
      const std::int64_t right = (p.batch - 1) * p.k * p.n + (p.transpose_b ? (p.n - 1) * p.k + i : i * p.n + p.n - 1);
      sum += static_cast<double>(a[static_cast<std::size_t>(left)]) * b[static_cast<std::size_t>(right)];
    }
    EXPECT_NEAR(one.back(), sum, static_cast<double>(p.k * p.k) * 0x1p-24);
  }
  Pool pool;
  const Convolution c{3, 16, 20, 20, 32, 3, 3, 20, 20, 1, {1, 1}, {1, 1}, {1, 1}};
  const auto x = random_values(c.n * c.c * c.h * c.w, 3), w = random_values(c.o * c.c * c.r * c.s, 4),
             dy = random_values(c.n * c.o * c.p * c.q, 5);
  const auto same = [](std::size_t size, const std::function<void(float*, int)>& compute) {
    std::vector<float> one(size), two(size);
    compute(one.data(), 1);
    compute(two.data(), 2);
    EXPECT_EQ(one, two);
    return one;
  };
  const auto dot = [](const std::vector<float>& a, const std::vector<float>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  const auto y = same(dy.size(), [&](float* to, int n) { convolve(c, x.data(), w.data(), to, pool, n); });
  const auto dx = same(x.size(), [&](float* to, int n) { convolve_dgrad(c, dy.data(), w.data(), to, pool, n); });
  const auto dw = same(w.size(), [&](float* to, int n) { convolve_wgrad(c, x.data(), dy.data(), to, pool, n); });
  // The convolution is linear in x and in w: <y, dy> = <x, dx> = <w, dw>.
  EXPECT_NEAR(dot(y, dy), dot(x, dx), 0.05);
  EXPECT_NEAR(dot(y, dy), dot(w, dw), 0.05);
}

}  // namespace
}  // namespace triad::reference
