#include "support.hpp"

/// Training on the GPU, every step's loss and the final parameters against PyTorch (tests/golden/make.py), with hazard
/// checks on.
namespace triad::gpu {
namespace {

void expect_golden(const std::string& preset, const std::string& name, const std::string& precision, double tolerance,
                   const test::Settings& settings = {}) {
  test::expect_golden(*test::make(preset, settings), name, precision, tolerance);
}

using test::bf16, test::fp32;

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
