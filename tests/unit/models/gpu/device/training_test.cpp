#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "sim/workload/npz.hpp"
#include "support.hpp"

/// Training on the GPU, every step's loss and the final parameters against PyTorch (tests/golden/make.py), with hazard
/// checks on.
namespace triad::gpu {
namespace {

void expect_golden(const std::string& preset, const std::string& name, const std::string& precision, double tolerance,
                   const test::Settings& settings = {}) {
  const device::Job job = test::load(name, {"precision=" + precision});
  const device::RunResult result = test::run(*test::make(preset, settings), job);
  const std::filesystem::path root = TRIAD_SOURCE_DIR;
  workload::Arrays golden = workload::read_npz(root / "tests/golden" / (name + "." + precision + ".npz"));

  const std::vector<float> losses = golden.at("loss").floats();
  ASSERT_EQ(result.loss.size(), losses.size());
  for (std::size_t step = 0; step < losses.size(); ++step) {
    EXPECT_NEAR(result.loss[step], losses[step], tolerance * losses[step]) << "step " << step;
  }
  golden.erase("loss");
  ASSERT_FALSE(golden.empty());
  for (const auto& [parameter, expected] : golden) {
    ASSERT_TRUE(result.weights.contains(parameter)) << parameter;
    const std::vector<float> wanted = expected.floats(), got = result.weights.at(parameter).floats();
    ASSERT_EQ(got.size(), wanted.size());
    float magnitude = 0;
    for (const float w : wanted) magnitude = std::max(magnitude, std::abs(w));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(got[i], wanted[i], tolerance * magnitude) << parameter << " element " << i;
    }
  }
}

// Stated in tests/golden/README.md.
constexpr double fp32 = 1e-4, bf16 = 1e-3;

TEST(TrainingOnA100, Linear) {
  expect_golden("a100", "linear", "fp32", fp32);
}
TEST(TrainingOnA100, DenseRelu) {
  expect_golden("a100", "dense-relu", "fp32", fp32);
}
TEST(TrainingOnA100, Mlp) {
  expect_golden("a100", "mlp", "fp32", fp32);
}
TEST(TrainingOnA100, LinearInBf16) {
  expect_golden("a100", "linear", "bf16", bf16);
}
TEST(TrainingOnA100, DenseReluInBf16) {
  expect_golden("a100", "dense-relu", "bf16", bf16);
}
TEST(TrainingOnA100, MlpInBf16) {
  expect_golden("a100", "mlp", "bf16", bf16);
}
TEST(TrainingOnV100, Linear) {
  expect_golden("v100", "linear", "fp32", fp32);
}
TEST(TrainingOnH100, Linear) {
  expect_golden("h100", "linear", "fp32", fp32);
}
TEST(TrainingOnH200, DenseRelu) {
  expect_golden("h200", "dense-relu", "fp32", fp32);
}
TEST(TrainingOnTinyGpu, Linear) {
  expect_golden("tiny", "linear", "fp32", fp32);
}
TEST(TrainingOnTinyGpu, DenseRelu) {
  expect_golden("tiny", "dense-relu", "fp32", fp32);
}
/// One lane after the other, one request at a time: the slowest machine computes the same.
TEST(TrainingOnTinyGpu, LinearOnTheSmallestSm) {
  expect_golden("tiny", "linear", "fp32", fp32,
                {"sms=1", "sm.fp32_lanes=1", "sm.integer_lanes=1", "sm.load_store.queue=1", "memory.credits=1"});
}

}  // namespace
}  // namespace triad::gpu
