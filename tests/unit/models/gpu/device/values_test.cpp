#include <chrono>

#include "support.hpp"

/// Runs without values: the same launches in the same cycles, where timing does not depend on data.
namespace triad::gpu {
namespace {

void expect_same_cycles(const device::RunResult& with, const device::RunResult& without, std::size_t steps = 1) {
  EXPECT_EQ(with.cycles, without.cycles);
  EXPECT_EQ(with.read_bytes, without.read_bytes);
  EXPECT_EQ(with.written_bytes, without.written_bytes);
  EXPECT_EQ(*with.energy_joules, *without.energy_joules);
  ASSERT_EQ(with.ops.size(), without.ops.size());
  for (std::size_t i = 0; i < with.ops.size(); ++i) {
    EXPECT_EQ(with.ops[i].begin_cycle, without.ops[i].begin_cycle) << with.ops[i].name;
    EXPECT_EQ(with.ops[i].end_cycle, without.ops[i].end_cycle) << with.ops[i].name;
  }
  EXPECT_EQ(with.loss.size(), with.ops.empty() ? 0u : steps);
  EXPECT_TRUE(without.loss.empty());
  EXPECT_TRUE(without.weights.empty());
}

void expect_same_cycles(const std::string& preset, const std::string& workload, const test::Settings& settings) {
  const auto device = test::make(preset);
  test::Settings off = settings;
  off.push_back("values=off");
  expect_same_cycles(test::run(*device, test::load(workload, settings)), test::run(*device, test::load(workload, off)));
}

/// The cycles of a workload whose data has the indices that stand in for data without values: i modulo rows.
void expect_same_cycles_at_stated_indices(const std::string& preset, const std::string& workload,
                                          const test::Settings& settings) {
  const auto device = test::make(preset);
  test::Settings off = settings;
  off.push_back("values=off");
  const device::Job without = test::load(workload, off);
  device::Job with = test::load(workload, settings);
  const auto program = device->lower(without);
  const auto& launches = dynamic_cast<const GpuProgram&>(*program);
  std::size_t replaced = 0;
  for (auto& [tensor, batches] : with.batches) {
    for (const GpuProgram::Indices& indices : launches.indices) {
      if (indices.address.base != launches.map.address(tensor).base) continue;
      ASSERT_GT(indices.count, indices.rows);  // chains of more than one
      std::vector<std::int32_t> numbers(static_cast<std::size_t>(indices.count));
      for (std::size_t i = 0; i < numbers.size(); ++i)
        numbers[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(indices.rows));
      for (device::HostTensor& batch : batches) batch = device::HostTensor::of_integers(batch.shape, numbers);
      ++replaced;
      break;
    }
  }
  ASSERT_GE(replaced, 2u);  // tokens and segments
  expect_same_cycles(test::run(*device, with), test::run(*device, *program, without),
                     static_cast<std::size_t>(without.steps));
}

TEST(WithoutValues, ConvolutionsTakeTheSameCycles) {
  expect_same_cycles("tiny", "resnet-50-mini", {"steps=1"});
}
TEST(WithoutValues, MatricesTakeTheSameCycles) {
  expect_same_cycles("a100", "mlp", {"steps=1", "precision=bf16"});
}
TEST(WithoutValues, RepeatedIndicesTakeTheCyclesOfTheirChains) {
  // 5 x 8 places name 32 tokens (chains of 1 and 2) and 2 segments (chains of 20).
  expect_same_cycles_at_stated_indices("tiny", "bert-base-mini",
                                       {"steps=1", "inputs.tokens.shape=[5, 8]", "inputs.segments.shape=[5, 8]"});
  // 37 x 8 = 296 places: chains of 9 and 10, and of 148, through two blocks of link_equal; scratch memory used twice.
  expect_same_cycles_at_stated_indices("a100", "bert-base-mini",
                                       {"steps=2", "inputs.tokens.shape=[37, 8]", "inputs.segments.shape=[37, 8]"});
}
TEST(WithoutValues, RowsFoundByIndexTakeAlmostTheSame) {
  // The indices are others, so chains are of other lengths and rows lie in other channels of the memory.
  const auto device = test::make("tiny");
  const auto with = test::run(*device, test::load("bert-base-mini", {"steps=1"}));
  const auto without = test::run(*device, test::load("bert-base-mini", {"steps=1", "values=off"}));
  EXPECT_NEAR(static_cast<double>(without.cycles) / static_cast<double>(with.cycles), 1, 0.005);
}

TEST(WithoutValues, AWorkloadMayBeLargerThanTheMemory) {
  const auto device = test::make("tiny", {"memory.capacity=1 KiB"});
  EXPECT_THROW(device->lower(test::load("dense-relu")), device::Unsupported);
  const device::RunResult run = test::run(*device, test::load("dense-relu", {"steps=1", "values=off"}));
  EXPECT_FALSE(run.fits_memory);
  const device::RunResult roomy = test::run(*test::make("tiny"), test::load("dense-relu", {"steps=1", "values=off"}));
  EXPECT_TRUE(roomy.fits_memory);
  EXPECT_EQ(run.cycles, roomy.cycles);
}

TEST(WithoutValues, ALargeModelLowersInSeconds) {
  const device::Job job = test::load("gpt-3-175b");
  ASSERT_FALSE(job.values);
  const auto device = test::make("a100");
  const auto begin = std::chrono::steady_clock::now();
  const auto program = device->lower(job);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  const auto& launches = dynamic_cast<const GpuProgram&>(*program);
  EXPECT_FALSE(launches.fits_memory);
  EXPECT_GT(launches.launches.size(), 5000u);
  EXPECT_LT(launches.codes.size(), 100u);  // a kernel per distinct text
}

}  // namespace
}  // namespace triad::gpu
