#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/reference/reference.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/workload.hpp"

/// The workloads of configs/workloads, run by the host reference, against PyTorch (tests/golden/make.py).
namespace triad {
namespace {

const std::filesystem::path root = TRIAD_SOURCE_DIR;

struct Tolerance {
  double loss;    ///< relative, at every step
  double weight;  ///< of the difference, relative to the largest magnitude in the tensor
};

void expect_golden(const std::string& name, const std::string& precision, const Tolerance& tolerance) {
  const device::Job job = workload::load(root / "configs/workloads" / (name + ".yaml"), {"precision=" + precision});
  const reference::Outcome outcome = reference::run(job);
  workload::Arrays golden = workload::read_npz(root / "tests/golden" / (name + "." + precision + ".npz"));

  const std::vector<float> losses = golden.at("loss").floats();
  ASSERT_EQ(outcome.loss.size(), losses.size());
  double largest = 0;
  for (std::size_t step = 0; step < losses.size(); ++step) {
    EXPECT_NEAR(outcome.loss[step], losses[step], tolerance.loss * losses[step]) << "step " << step;
    largest = std::max(largest, std::abs(outcome.loss[step] / losses[step] - 1));
  }
  testing::Test::RecordProperty("largest_relative_error_of_a_loss", fmt::format("{:.1e}", largest));
  EXPECT_LT(losses.back(), losses.front()) << "nothing was learnt";

  golden.erase("loss");
  ASSERT_FALSE(golden.empty());
  for (const auto& [parameter, expected] : golden) {
    ASSERT_TRUE(outcome.weights.contains(parameter)) << parameter;
    const std::vector<float> wanted = expected.floats(), got = outcome.weights.at(parameter).floats();
    ASSERT_EQ(got.size(), wanted.size());
    float magnitude = 0;
    for (const float w : wanted) magnitude = std::max(magnitude, std::abs(w));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(got[i], wanted[i], tolerance.weight * magnitude) << parameter << " element " << i;
    }
  }
}

// fp32: the order of additions differs, nothing else.
constexpr Tolerance fp32 = {1e-4, 1e-4};
// bf16: a sum that differs in its last fp32 bit can round to the neighbouring bf16 value, 2^-8 away, in a later
// product.
constexpr Tolerance bf16 = {1e-3, 1e-3};

TEST(Golden, Linear) {
  expect_golden("linear", "fp32", fp32);
}
TEST(Golden, DenseRelu) {
  expect_golden("dense-relu", "fp32", fp32);
}
TEST(Golden, Mlp) {
  expect_golden("mlp", "fp32", fp32);
}
TEST(Golden, LinearInBf16) {
  expect_golden("linear", "bf16", bf16);
}
TEST(Golden, DenseReluInBf16) {
  expect_golden("dense-relu", "bf16", bf16);
}
TEST(Golden, MlpInBf16) {
  expect_golden("mlp", "bf16", bf16);
}

/// bf16 is another computation: the bf16 golden must not be the fp32 one.
TEST(Golden, PrecisionMatters) {
  const auto loss = [](const std::string& file) {
    return workload::read_npz(root / "tests/golden" / file).at("loss").floats().back();
  };
  EXPECT_GT(std::abs(loss("linear.bf16.npz") / loss("linear.fp32.npz") - 1), 1e-3);
}

}  // namespace
}  // namespace triad
