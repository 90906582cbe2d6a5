#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "sim/workload/npz.hpp"
#include "support.hpp"

/// Training on the ASIC, every step's loss and the final parameters against PyTorch (tests/golden/make.py), with hazard
/// checks on.
namespace triad::asic {
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

TEST(TrainingOnNvdla, Linear) {
  expect_golden("nvdla-2048-train", "linear", "fp32", fp32);
}
TEST(TrainingOnNvdla, DenseRelu) {
  expect_golden("nvdla-2048-train", "dense-relu", "fp32", fp32);
}
TEST(TrainingOnNvdla, Mlp) {
  expect_golden("nvdla-2048-train", "mlp", "fp32", fp32);
}
TEST(TrainingOnNvdla, LinearInBf16) {
  expect_golden("nvdla-2048-train", "linear", "bf16", bf16);
}
TEST(TrainingOnNvdla, DenseReluInBf16) {
  expect_golden("nvdla-2048-train", "dense-relu", "bf16", bf16);
}
TEST(TrainingOnNvdla, MlpInBf16) {
  expect_golden("nvdla-2048-train", "mlp", "bf16", bf16);
}

TEST(TrainingOnTinyAsic, Linear) {
  expect_golden("tiny", "linear", "fp32", fp32);
}
TEST(TrainingOnTinyAsic, DenseRelu) {
  expect_golden("tiny", "dense-relu", "fp32", fp32);
}
TEST(TrainingOnTinyAsic, LinearInBf16) {
  expect_golden("tiny", "linear", "bf16", bf16);
}
TEST(TrainingOnTinyAsic, DenseReluInBf16) {
  expect_golden("tiny", "dense-relu", "bf16", bf16);
}

/// The first layer goes through a buffer of 96 KiB in tiles, in chunks of channels and of rows.
TEST(TrainingOnNvdla, MlpThroughASmallBuffer) {
  expect_golden("nvdla-2048-train", "mlp", "fp32", fp32, {"gemm.buffer.bank=6 KiB", "gemm.accumulators=512"});
}
/// One register group: nothing is programmed ahead, the values are the same.
TEST(TrainingOnNvdla, DenseReluWithoutPingPong) {
  expect_golden("nvdla-2048-train", "dense-relu", "fp32", fp32, {"command.register_groups=1"});
}

}  // namespace
}  // namespace triad::asic
