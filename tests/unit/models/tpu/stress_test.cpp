#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "support.hpp"

/// Timing decides when values move, never which: machines with random queues, latencies, bandwidths and stalls compute
/// the same bits, without a hazard and without a deadlock.
namespace triad::tpu {
namespace {

test::Settings random_machine(test::Values& random) {
  const auto one_of = [&](std::initializer_list<int> values) {
    return values.begin()[random.below(static_cast<std::uint32_t>(values.size()))];
  };
  test::Settings machine = {
      fmt::format("clock={} MHz", one_of({100, 333, 940, 3000})),
      fmt::format("mxu.weight_tiles={}", one_of({1, 2, 5})),
      fmt::format("mxu.bursts={}", one_of({1, 2, 4, 9})),
      fmt::format("mxu.stalls={{seed: {}, percent: {}}}", one_of({1, 2, 3, 4, 5}), one_of({0, 0, 30, 80})),
      fmt::format("vpu.latency={}", one_of({1, 6, 200})),
      fmt::format("transpose.latency={}", one_of({1, 4, 300})),
      fmt::format("vmem.latency={}", one_of({1, 2, 40})),
      fmt::format("dma.setup={}", one_of({1, 4, 100})),
      fmt::format("dma.requests={}", one_of({1, 2, 16})),
      fmt::format("sequencer.queue_depth={}", one_of({1, 2, 16})),
      fmt::format("sequencer.steps_per_launch={}", one_of({1, 3})),
      fmt::format("memory.latency={} ns", one_of({1, 60, 3000})),
      fmt::format("memory.channels={}", one_of({1, 2, 7})),
      fmt::format("memory.credits={}", one_of({1, 2, 16}))};
  if (random.below(2) == 0) {
    machine.push_back(fmt::format("memory.clock={} MHz", one_of({77, 500, 1200})));
    machine.push_back(fmt::format("memory.bandwidth={} MB/s", one_of({20, 4000, 400'000})));
  } else {
    const std::vector<std::string> dram = {"ddr3-2133", "ddr4-3200", "lpddr4-3200", "gddr6-14", "hbm2", "hbm3e"};
    machine.push_back("memory.preset=" + dram[random.below(static_cast<std::uint32_t>(dram.size()))]);
  }
  return machine;
}

void expect_same_values(const test::Settings& shape, const device::Job& job, unsigned seed, int machines) {
  test::Values random(seed);
  std::vector<std::unique_ptr<device::Device>> devices;
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  for (int i = 0; i <= machines; ++i) {
    test::Settings settings = shape;
    if (i > 0) {
      const test::Settings timing = random_machine(random);
      settings.insert(settings.end(), timing.begin(), timing.end());
    }
    devices.push_back(test::make("tiny", settings));
    programs.push_back(devices.back()->lower(job));
    tasks.push_back(test::task(*devices.back(), *programs.back(), job));
    tasks.back().name = fmt::format("{}", fmt::join(settings, " "));
  }
  const auto results = experiment::run_in_children(tasks, false);
  for (std::size_t i = 1; i < results.size(); ++i) {
    EXPECT_EQ(results[i].loss, results[0].loss) << tasks[i].name;
    for (const auto& [name, tensor] : results[0].weights) {
      EXPECT_EQ(results[i].weights.at(name).bytes, tensor.bytes) << name << " on " << tasks[i].name;
    }
  }
}

TEST(Stress, OneMatrixUnit) {
  expect_same_values({}, test::load("dense-relu", {"steps=3"}), 1, 16);
}
TEST(Stress, ThreeMatrixUnits) {
  expect_same_values({"mxu.count=3", "mxu.columns=2"}, test::load("dense-relu", {"steps=3", "precision=bf16"}), 2, 16);
}
TEST(Stress, LittleOnChipMemory) {
  expect_same_values({"vmem.size=3 KiB", "mxu.count=2", "mxu.rows=3"}, test::load("dense-relu", {"steps=3"}), 3, 16);
}
TEST(Stress, AProductInManyTiles) {
  test::SingleOp op(numerics::Format::bf16);
  test::Values values(4);
  const auto a = op.input({47, 61}, values.many(47 * 61), numerics::Format::bf16);
  const auto b = op.input({47, 53}, values.many(47 * 53), numerics::Format::bf16);
  op.keep(op.op(graph::OpKind::matmul, {a, b}, {{"transpose_a", true}})[0]);
  expect_same_values({"vmem.size=4 KiB", "mxu.count=2"}, op.job, 4, 16);
}

}  // namespace
}  // namespace triad::tpu
