#include "sim/workload/random.hpp"

#include <gtest/gtest.h>

namespace triad::workload {
namespace {

/// The values that tests/golden/make.py, which states the generator in Python, computes.
TEST(Random, IsWhatItIsStatedToBe) {
  const Random x(0, "x"), weight(1, "fc1.weight");
  EXPECT_EQ(x.uniform(0), -0x1.31f678p-1f);
  EXPECT_EQ(x.uniform(1), 0x1.3bee7p-1f);
  EXPECT_EQ(x.uniform(2), 0x1.2586d8p-2f);
  EXPECT_EQ(weight.uniform(0), 0x1.85d54p-2f);
  EXPECT_EQ(weight.uniform(2), 0x1.38f03p-2f);
}

TEST(Random, IsUniform) {
  const std::vector<float> values = Random(3, "test").uniform(30000, 2.0f);
  double sum = 0, squares = 0;
  for (const float v : values) {
    ASSERT_GE(v, -2.0f);
    ASSERT_LT(v, 2.0f);
    sum += v;
    squares += static_cast<double>(v) * v;
  }
  EXPECT_NEAR(sum / 30000, 0, 0.03);  // 4.5 standard errors of 2 / sqrt(3) / sqrt(30000)
  EXPECT_NEAR(squares / 30000, 4.0 / 3, 0.04);
}

TEST(Random, DependsOnSeedAndStream) {
  EXPECT_NE(Random(0, "a").uniform(0), Random(1, "a").uniform(0));
  EXPECT_NE(Random(0, "a").uniform(0), Random(0, "b").uniform(0));
}

}  // namespace
}  // namespace triad::workload
