#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../tpu/single_op.hpp"
#include "support.hpp"

/// What a result names as its limit is the limit: that resource ten times as fast shortens the run by nine tenths of
/// its share, another one ten times as fast does not.
namespace triad::asic {
namespace {

struct Machine {
  double clock_mhz = 500, bandwidth_gbps = 4, launch_us = 0.2;
  test::Settings others = {};
  test::Settings settings() const {
    test::Settings all = {fmt::format("clock={} MHz", clock_mhz),
                          fmt::format("memory.bandwidth={} GB/s", bandwidth_gbps),
                          fmt::format("command.doorbell={} us", launch_us)};
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }
};

void expect_limit(const std::string& limit, const Machine& machine, const device::Job& job) {
  const auto measure = [&](const Machine& m) { return test::run(*test::make("tiny", m.settings()), job, {}); };
  const device::RunResult base = measure(machine);
  ASSERT_EQ(base.bound_by, limit);
  const double share = static_cast<double>(base.bound_cycles.at(limit)) / static_cast<double>(base.cycles);
  ASSERT_GT(share, 0.95);

  Machine compute = machine, memory = machine, launch = machine;
  compute.clock_mhz *= 10;
  memory.bandwidth_gbps *= 10;
  launch.launch_us /= 10;
  for (const auto& [name, faster] : {std::pair{"compute", compute}, {"memory", memory}, {"launch", launch}}) {
    const double ratio = measure(faster).seconds / base.seconds;
    EXPECT_NEAR(ratio, name == limit ? 1 - 0.9 * share : 1, 0.02) << limit << " limits, " << name << " is faster";
  }
}

TEST(Limits, Launch) {
  Machine machine;
  machine.launch_us = 500;
  expect_limit("launch", machine, test::load("linear", {"steps=4"}));
}

device::Job product(std::int64_t m, std::int64_t n, std::int64_t k) {
  tpu::test::SingleOp op(numerics::Format::bf16);
  tpu::test::Values values(1);
  const auto a = op.input({m, k}, values.many(static_cast<std::size_t>(m * k)), numerics::Format::bf16);
  const auto b = op.input({k, n}, values.many(static_cast<std::size_t>(k * n)), numerics::Format::bf16);
  op.keep(op.op(graph::OpKind::matmul, {a, b})[0]);
  return op.job;
}

/// A product of 256^3: 16.8 M MACs on 16 are 1.05 M cycles. Tiles cross the memory's pins meanwhile; that they would
/// take a tenth of that time is what a faster array would then wait for, so there is bandwidth to spare.
TEST(Limits, Compute) {
  Machine machine;
  machine.bandwidth_gbps = 400;
  machine.others = {"gemm.loader_lanes=64", "gemm.accumulators=1024",
                    "gemm.buffer={banks: 16, bank: 3072 B, latency: 1}", "burst=256 B", "memory.credits=64"};
  expect_limit("compute", machine, product(256, 256, 256));
}

/// Softmax in one special-function lane, with bandwidth and read buffers that keep a faster one busy.
TEST(Limits, ComputeOfThePointWiseEngine) {
  tpu::test::SingleOp op;
  tpu::test::Values values(2);
  const auto logits = op.input({2000, 16}, values.many(32000));
  op.keep(op.op(graph::OpKind::cross_entropy_grad, {logits, op.classes(std::vector<std::int32_t>(2000, 3))})[0]);
  Machine machine;
  machine.bandwidth_gbps = 40;
  machine.others = {"pointwise.stream_buffer=4 KiB", "memory.credits=64"};
  expect_limit("compute", machine, op.job);
}

/// A product of a matrix and a few rows: every weight is used four times.
TEST(Limits, MemoryOfAProduct) {
  Machine machine;
  machine.bandwidth_gbps = 0.02;
  expect_limit("memory", machine, product(4, 256, 256));
}

TEST(Limits, MemoryOfASum) {
  tpu::test::SingleOp op;
  tpu::test::Values values(3);
  const auto a = op.input({100'000}, values.many(100'000)), b = op.input({100'000}, values.many(100'000));
  op.keep(op.op(graph::OpKind::add, {a, b})[0]);
  Machine machine;
  machine.bandwidth_gbps = 0.1;
  expect_limit("memory", machine, op.job);
}

}  // namespace
}  // namespace triad::asic
