#include "sim/numerics/format.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace triad::numerics {
namespace {

/// The nearest of all finite fp16 numbers, found by search: half-way cases to the one with an even last bit.
double nearest_fp16(double value) {
  const double magnitude = std::abs(value);
  int exponent = 0;
  std::frexp(magnitude, &exponent);                                   // magnitude in [2^(exponent - 1), 2^exponent)
  const double step = std::ldexp(1.0, std::max(exponent - 11, -24));  // 11 significant bits, or the subnormal step
  const double rounded = std::nearbyint(magnitude / step) * step;
  return std::copysign(rounded > 65504 ? INFINITY : rounded, value);
}

TEST(Fp16, EveryValueSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto word = static_cast<std::uint16_t>(bits);
    const float value = fp16_value(word);
    if ((bits & 0x7fffu) > 0x7c00u) {
      ASSERT_TRUE(std::isnan(value));
      ASSERT_EQ(fp16_bits(value), 0x7e00u);
    } else {
      ASSERT_EQ(fp16_bits(value), word);
    }
  }
  EXPECT_EQ(fp16_value(0x3c00), 1.0f);
  EXPECT_EQ(fp16_value(0x7bff), 65504.0f);
  EXPECT_EQ(fp16_value(0x0001), 0x1p-24f);
  EXPECT_EQ(fp16_value(0xfc00), -std::numeric_limits<float>::infinity());
}

TEST(Fp16, RoundsToNearestEven) {
  EXPECT_EQ(fp16_bits(65519.996f), 0x7bffu);  // below the middle of 65504 and 65536
  EXPECT_EQ(fp16_bits(65520.0f), 0x7c00u);
  EXPECT_EQ(fp16_bits(0x1p-25f), 0x0000u);  // half of the least subnormal, to even
  EXPECT_EQ(fp16_bits(-0x1.8p-25f), 0x8001u);
  EXPECT_EQ(fp16_bits(1e-30f), 0x0000u);
  EXPECT_EQ(fp16_bits(-0.0f), 0x8000u);
  // A stride through all fp32 numbers, prime so that every low bit pattern occurs.
  for (std::uint64_t bits = 0; bits < 0x7f800000u; bits += 7919) {
    const float value = float_of(static_cast<std::uint32_t>(bits));
    ASSERT_EQ(static_cast<double>(round_fp16(value)), nearest_fp16(value)) << value;
    ASSERT_EQ(static_cast<double>(round_fp16(-value)), nearest_fp16(-value)) << value;
  }
}

TEST(Integers, AreClampedAndRoundedToEven) {
  EXPECT_EQ(int8_of(0.5f), 0);
  EXPECT_EQ(int8_of(1.5f), 2);
  EXPECT_EQ(int8_of(-2.5f), -2);
  EXPECT_EQ(int8_of(1000.0f), 127);
  EXPECT_EQ(int8_of(-1000.0f), -128);
  EXPECT_EQ(int8_of(NAN), 0);
  EXPECT_EQ(int32_of(2147483648.0f), INT32_MAX);
  EXPECT_EQ(int32_of(-2147483648.0f), INT32_MIN);
  EXPECT_EQ(int32_of(-INFINITY), INT32_MIN);
  EXPECT_EQ(int32_of(NAN), 0);
}

}  // namespace
}  // namespace triad::numerics
