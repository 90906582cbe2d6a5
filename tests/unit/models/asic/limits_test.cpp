#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "support.hpp"

/// What a result names as its limit is the limit.
namespace triad::asic {
namespace {

struct Machine : test::Resources {
  Machine() : Resources{500, 4, 0.2, "command.doorbell"} {}
};

void expect_limit(const std::string& limit, const Machine& machine, const device::Job& job) {
  test::expect_limit(limit, machine, job, [&](const test::Settings& settings) { return test::make("tiny", settings); });
}

TEST(Limits, Launch) {
  Machine machine;
  machine.launch_us = 500;
  expect_limit("launch", machine, test::load("linear", {"steps=4"}));
}

device::Job product(std::int64_t m, std::int64_t n, std::int64_t k) {
  test::SingleOp op(numerics::Format::bf16);
  test::Values values(1);
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
  test::SingleOp op;
  test::Values values(2);
  const auto logits = op.input({2000, 16}, values.many(32000));
  const auto classes = op.classes(std::vector<std::int32_t>(2000, 3));
  op.keep(op.op(graph::OpKind::cross_entropy_grad, {logits, classes, op.input({2000}, values.many(2000))})[0]);
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
  test::SingleOp op;
  test::Values values(3);
  const auto a = op.input({100'000}, values.many(100'000)), b = op.input({100'000}, values.many(100'000));
  op.keep(op.op(graph::OpKind::add, {a, b})[0]);
  Machine machine;
  machine.bandwidth_gbps = 0.1;
  expect_limit("memory", machine, op.job);
}

}  // namespace
}  // namespace triad::asic
