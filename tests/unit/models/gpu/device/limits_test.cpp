#include <gtest/gtest.h>

#include "sim/graph/op.hpp"
#include "support.hpp"

/// What a result names as its limit is the limit.
namespace triad::gpu {
namespace {

struct Machine : test::Resources {
  Machine() : Resources{500, 4, 0.5, "launch.latency"} {}
};

void expect_limit(const std::string& limit, const Machine& machine, const device::Job& job) {
  test::expect_limit(limit, machine, job, [&](const test::Settings& settings) { return test::make("tiny", settings); });
}

TEST(Limits, Launch) {
  Machine machine;
  machine.launch_us = 500;
  expect_limit("launch", machine, test::load("linear", {"steps=4"}));
}

device::Job product(std::int64_t n) {
  device::Job job;
  job.name = "product";
  std::vector<graph::TensorId> operands;
  for (int i = 0; i < 2; ++i) {
    operands.push_back(job.graph.add_tensor({"operand", {n, n}, numerics::Format::fp32, graph::Role::input}));
    job.batches[operands.back()] = {device::HostTensor::zeros({n, n})};
  }
  job.graph.add_op(graph::OpKind::matmul, "product", operands);
  return job;
}

/// At 10 MHz the memory answers within a cycle or two; few lanes take so long that warps hide each other's waits.
TEST(Limits, Compute) {
  Machine machine;
  machine.clock_mhz = 10;
  machine.others = {"sm.fp32_lanes=2"};
  expect_limit("compute", machine, product(192));
}

/// 512 KiB there and 512 KiB back at 20 MB/s; the SMs have nothing to do but to wait.
TEST(Limits, Memory) {
  Machine machine;
  machine.bandwidth_gbps = 0.02;
  device::Job job;
  job.name = "stream";
  const graph::TensorId x = job.graph.add_tensor({"x", {131072}, numerics::Format::fp32, graph::Role::input});
  job.batches[x] = {device::HostTensor::zeros({131072})};
  job.graph.add_op(graph::OpKind::scale, "scale", {x}, {{"factor", 2.0}});
  expect_limit("memory", machine, job);
}

/// Dense layers of a perceptron through memory of a thousandth of its bandwidth.
TEST(Limits, MemoryOfALargeChip) {
  Machine machine;
  machine.clock_mhz = 1410, machine.bandwidth_gbps = 1.8, machine.launch_us = 1.7;
  machine.others = {"memory.kind=ideal"};  // DRAM has no bandwidth of its own to be set
  test::expect_limit("memory", machine, test::load("mlp", {"steps=1", "input.shape=[4, 784]"}),
                     [](const test::Settings& settings) { return test::make("a100", settings); });
}

}  // namespace
}  // namespace triad::gpu
