#include <fmt/format.h>
#include <gtest/gtest.h>

#include "sim/graph/op.hpp"
#include "support.hpp"

/// What a result names as its limit is the limit: that resource ten times as fast shortens the run by nine tenths of
/// its share, another one ten times as fast does not.
namespace triad::gpu {
namespace {

struct Machine {
  double clock_mhz = 500, bandwidth_gbps = 4, launch_us = 0.5;
  test::Settings others = {};
  std::string preset = "tiny";
  test::Settings settings() const {
    test::Settings all = {fmt::format("clock={} MHz", clock_mhz),
                          fmt::format("memory.bandwidth={} GB/s", bandwidth_gbps),
                          fmt::format("launch.latency={} us", launch_us)};
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }
};

void expect_limit(const std::string& limit, const Machine& machine, const device::Job& job) {
  const auto measure = [&](const Machine& m) { return test::run(*test::make(m.preset, m.settings()), job, {}); };
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
  expect_limit("memory", {1410, 1.8, 1.7, {}, "a100"}, test::load("mlp", {"steps=1", "input.shape=[4, 784]"}));
}

}  // namespace
}  // namespace triad::gpu
