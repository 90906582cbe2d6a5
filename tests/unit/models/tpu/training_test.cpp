#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "sim/workload/npz.hpp"
#include "support.hpp"

/// Training on the TPU, every step's loss and the final parameters against PyTorch (tests/golden/make.py), with hazard
/// checks on.
namespace triad::tpu {
namespace {

void expect_golden(const std::string& preset, const std::string& name, const std::string& precision, double tolerance,
                   const test::Settings& settings = {}) {
  const device::Job job = test::load(name, {"precision=" + precision});
  const device::RunResult result = test::run(*test::make(preset, settings), job);
  const std::filesystem::path root = TRIAD_SOURCE_DIR;
  workload::Arrays golden = workload::read_npz(root / "tests/golden" / (name + "." + precision + ".npz"));

  const std::vector<float> losses = golden.at("loss").floats();
  ASSERT_EQ(result.loss.size(), losses.size());
  double largest = 0;
  for (std::size_t step = 0; step < losses.size(); ++step) {
    EXPECT_NEAR(result.loss[step], losses[step], tolerance * losses[step]) << "step " << step;
    largest = std::max(largest, std::abs(result.loss[step] / losses[step] - 1));
  }
  testing::Test::RecordProperty("largest_relative_error_of_a_loss", fmt::format("{:.1e}", largest));

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

TEST(TrainingOnTpuV3, Linear) {
  expect_golden("tpu-v3", "linear", "fp32", fp32);
}
TEST(TrainingOnTpuV3, DenseRelu) {
  expect_golden("tpu-v3", "dense-relu", "fp32", fp32);
}
TEST(TrainingOnTpuV3, Mlp) {
  expect_golden("tpu-v3", "mlp", "fp32", fp32);
}
TEST(TrainingOnTpuV3, LinearInBf16) {
  expect_golden("tpu-v3", "linear", "bf16", bf16);
}
TEST(TrainingOnTpuV3, DenseReluInBf16) {
  expect_golden("tpu-v3", "dense-relu", "bf16", bf16);
}
TEST(TrainingOnTpuV3, MlpInBf16) {
  expect_golden("tpu-v3", "mlp", "bf16", bf16);
}

TEST(TrainingOnTinyTpu, Linear) {
  expect_golden("tiny", "linear", "fp32", fp32);
}
TEST(TrainingOnTinyTpu, DenseRelu) {
  expect_golden("tiny", "dense-relu", "fp32", fp32);
}
TEST(TrainingOnTinyTpu, LinearInBf16) {
  expect_golden("tiny", "linear", "bf16", bf16);
}
TEST(TrainingOnTinyTpu, DenseReluInBf16) {
  expect_golden("tiny", "dense-relu", "bf16", bf16);
}

/// Nothing of the layer fits on chip: every tensor is streamed in tiles.
TEST(TrainingOnTinyTpu, LinearWithoutRoomOnChip) {
  expect_golden("tiny", "linear", "fp32", fp32, {"vmem.size=2560 B"});
}
/// Two matrix units that are not square.
TEST(TrainingOnTinyTpu, DenseReluOnTwoMatrixUnits) {
  expect_golden("tiny", "dense-relu", "fp32", fp32, {"mxu.count=2", "mxu.rows=8", "mxu.columns=3"});
}
/// Half of the on-chip memory is for tensors that stay: the weights of the first layer (803 kB) do not.
TEST(TrainingOnTpuV3, MlpThroughSmallOnChipMemory) {
  expect_golden("tpu-v3", "mlp", "fp32", fp32, {"vmem.size=1 MiB"});
}

}  // namespace
}  // namespace triad::tpu
