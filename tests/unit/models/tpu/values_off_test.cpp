#include "oracle.hpp"
#include "sim/experiment/transfer.hpp"

/// Without values nothing is computed, and everything takes the same cycles: no timing of the TPU depends on data.
namespace triad::tpu {
namespace {

void expect_same_timing(const std::string& preset, const std::string& workload, const std::string& precision,
                        const test::Settings& settings = {}) {
  const auto device = test::make(preset, settings);
  const std::vector<std::string> common = {"precision=" + precision, "steps=2"};
  std::vector<std::string> off = common;
  off.push_back("values=off");
  const device::Job with = test::load(workload, common), without = test::load(workload, off);
  ASSERT_TRUE(with.values);
  ASSERT_FALSE(without.values);
  device::RunResult a = test::run(*device, with), b = test::run(*device, without);
  EXPECT_FALSE(a.loss.empty());
  EXPECT_TRUE(b.loss.empty());
  EXPECT_TRUE(b.weights.empty());
  EXPECT_TRUE(b.outputs.empty());
  // All else is the same: cycles, cycle stacks, actions, energy, ops.
  for (device::RunResult* result : {&a, &b}) {
    result->loss.clear();
    result->weights.clear();
    result->outputs.clear();
    result->host_seconds = 0;
  }
  EXPECT_EQ(experiment::encode(a), experiment::encode(b)) << workload << " on " << preset;
}

TEST(ValuesOff, SameCyclesOnTiny) {
  expect_same_timing("tiny", "dense-relu", "fp32");
  expect_same_timing("tiny", "dense-relu", "bf16", {"vmem.size=4 KiB"});
  expect_same_timing("tiny", "resnet-50-mini", "bf16");
  expect_same_timing("tiny", "bert-base-mini", "bf16");
  expect_same_timing("tiny", "lstm-sentiment-mini", "bf16");
}
TEST(ValuesOff, SameCyclesOnTpuV3) {
  expect_same_timing("tpu-v3", "mlp", "bf16");
  expect_same_timing("tpu-v3", "resnet-50-mini", "fp32");
  expect_same_timing("tpu-v3", "transformer-mini", "bf16");
}
TEST(ValuesOff, SameCyclesInLockstep) {
  expect_same_timing("tiny", "linear", "bf16", {"mxu.backend=lockstep"});
}

TEST(ValuesOff, AWorkloadBeyondTheMemoryRunsAndSaysSo) {
  const test::Settings settings = {"memory.capacity=64 KiB"};
  const auto device = test::make("tiny", settings);
  EXPECT_FALSE(test::run(*device, test::load("resnet-50-mini", {"values=off", "steps=1"})).fits_memory);
  EXPECT_TRUE(test::run(*test::make("tiny"), test::load("resnet-50-mini", {"values=off", "steps=1"})).fits_memory);
  EXPECT_THROW(device->lower(test::load("resnet-50-mini", {"steps=1"})), device::Unsupported);
}

}  // namespace
}  // namespace triad::tpu
