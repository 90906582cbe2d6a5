#include "support.hpp"

/// Training on the TPU, every step's loss and the final parameters against PyTorch (tests/golden/make.py), with hazard
/// checks on.
namespace triad::tpu {
namespace {

void expect_golden(const std::string& preset, const std::string& name, const std::string& precision, double tolerance,
                   const test::Settings& settings = {}) {
  test::expect_golden(*test::make(preset, settings), name, precision, tolerance);
}

using test::bf16, test::fp32;

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
