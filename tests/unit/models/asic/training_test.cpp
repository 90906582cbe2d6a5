#include "support.hpp"

/// Training on the ASIC, every step's loss and the final parameters against PyTorch (tests/golden/make.py), with hazard
/// checks on.
namespace triad::asic {
namespace {

void expect_golden(const std::string& preset, const std::string& name, const std::string& precision, double tolerance,
                   const test::Settings& settings = {}) {
  test::expect_golden(*test::make(preset, settings), name, precision, tolerance);
}

using test::bf16, test::fp32;

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
