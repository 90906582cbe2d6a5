#include "sim/numerics/elementary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace triad::numerics {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Distance in units in the last place of the exact value.
double ulps(float got, double exact) {
  const float rounded = static_cast<float>(exact);
  const double unit =
      static_cast<double>(std::nextafter(std::fabs(rounded), infinity)) - std::fabs(static_cast<double>(rounded));
  return std::fabs(static_cast<double>(got) - exact) / unit;
}

TEST(Elementary, ExponentialIsWithinTwoUlpsOverItsRange) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> x(-87.0f, 88.7f);
  for (int i = 0; i < 200000; ++i) {
    const float at = x(random);
    ASSERT_LT(ulps(exponential(at), std::exp(static_cast<double>(at))), 2.0) << at;
  }
}

TEST(Elementary, ExponentialAtItsEnds) {
  EXPECT_EQ(exponential(0.0f), 1.0f);
  EXPECT_EQ(exponential(infinity), infinity);
  EXPECT_EQ(exponential(89.0f), infinity);
  EXPECT_EQ(exponential(-infinity), 0.0f);
  EXPECT_GT(exponential(-100.0f), 0.0f) << "a subnormal result is kept";
  EXPECT_EQ(bits_of(exponential(-std::numeric_limits<float>::quiet_NaN())), canonical_nan_bits);
}

TEST(Elementary, LogarithmIsWithinTwoUlpsOverAllMagnitudes) {
  std::mt19937 random(2);
  std::uniform_int_distribution<std::uint32_t> bits(1, 0x7f7fffffu);
  for (int i = 0; i < 200000; ++i) {
    const float at = float_of(bits(random));
    ASSERT_LT(ulps(logarithm(at), std::log(static_cast<double>(at))), 2.0) << at;
  }
}

TEST(Elementary, LogarithmAtItsEnds) {
  EXPECT_EQ(logarithm(1.0f), 0.0f);
  EXPECT_EQ(logarithm(0.0f), -infinity);
  EXPECT_EQ(logarithm(infinity), infinity);
  EXPECT_EQ(bits_of(logarithm(-1.0f)), canonical_nan_bits);
}

TEST(Elementary, LaneSumAddsInItsStatedOrder) {
  // Four lanes: (0 + 4), (1 + 5), 2, 3; then lane 0 + lane 2, lane 1 + lane 3; then lane 0 + lane 1.
  const std::vector<float> v = {1e8f, 1.0f, -1e8f, 3.0f, 0.5f, 0.25f};
  const float expected = ((v[0] + v[4]) + v[2]) + ((v[1] + v[5]) + v[3]);
  EXPECT_EQ(lane_sum(v, 4), expected);
  // Three lanes: lane 2 joins lane 0, then lane 1.
  EXPECT_EQ(lane_sum(v, 3), ((v[0] + v[3]) + (v[2] + v[5])) + (v[1] + v[4]));
  EXPECT_EQ(lane_sum(v, 1), ((((v[0] + v[1]) + v[2]) + v[3]) + v[4]) + v[5]);
  EXPECT_EQ(lane_sum({}, 8), 0.0f);
}

}  // namespace
}  // namespace triad::numerics
