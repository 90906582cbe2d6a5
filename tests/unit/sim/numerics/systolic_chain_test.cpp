#include "sim/numerics/systolic_chain.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "sim/numerics/mac.hpp"

namespace triad::numerics {
namespace {

enum class Mix { any_bits, near_one, near_underflow, special };

std::uint16_t draw(std::mt19937& random, Mix mix) {
  const std::uint16_t bits = static_cast<std::uint16_t>(random());
  const std::uint16_t sign_and_fraction = bits & 0x807f;
  switch (mix) {
    case Mix::any_bits:
      return bits;
    case Mix::near_one:
      return sign_and_fraction | static_cast<std::uint16_t>((120 + random() % 16) << 7);
    // Products around 2^-126: exponents that add up to about one bias (127) less than the smallest normal number's.
    case Mix::near_underflow:
      return sign_and_fraction | static_cast<std::uint16_t>((60 + random() % 8) << 7);
    case Mix::special: {
      const std::uint16_t specials[] = {0x0000, 0x8000, 0x0001, 0x807f, 0x0080, 0x8080, 0x7f7f, 0xff7f,
                                        0x7f80, 0xff80, 0x7fc0, 0xffc1, 0x7f81, 0x3f80, 0xbf80, 0x3f7f};
      // mostly numbers, or everything would be NaN
      return random() % 8 == 0 ? specials[random() % 16] : sign_and_fraction | static_cast<std::uint16_t>(127 << 7);
    }
  }
  return bits;
}

/// Written out once more, so that the library's scalar form is checked as well.
float chain(const std::vector<std::uint16_t>& a, const std::vector<std::uint16_t>& w, int m, int c, int depth,
            int columns) {
  float sum = 0.0f;
  for (int r = 0; r < depth; ++r) sum = mac(sum, bf16_value(a[m * depth + r]), bf16_value(w[r * columns + c]));
  return sum;
}

class SystolicChain : public testing::TestWithParam<Simd> {};

TEST_P(SystolicChain, EqualsTheChainOfMacsOnEveryBit) {
  if (GetParam() > best_simd()) GTEST_SKIP() << "the host lacks these instructions";
  std::mt19937 random(7);
  const int sizes[] = {1, 2, 3, 5, 6, 7, 13, 16, 17, 31, 64, 65, 97, 130};
  for (int trial = 0; trial < 120; ++trial) {
    const int count = sizes[random() % 14], depth = sizes[random() % 14], columns = sizes[random() % 14];
    const Mix mix = static_cast<Mix>(trial % 4);
    std::vector<std::uint16_t> a(count * depth), w(depth * columns);
    for (auto& bits : a) bits = draw(random, mix);
    for (auto& bits : w) bits = draw(random, mix);
    std::vector<float> out(count * columns);
    systolic_chain(a.data(), count, w.data(), depth, columns, out.data(), GetParam());
    for (int m = 0; m < count; ++m) {
      for (int c = 0; c < columns; ++c) {
        ASSERT_EQ(bits_of(out[m * columns + c]), bits_of(chain(a, w, m, c, depth, columns)))
            << count << "x" << depth << "x" << columns << " mix " << trial % 4 << " at " << m << "," << c;
      }
    }
  }
}

TEST_P(SystolicChain, LeavesTheHostsArithmeticAsItWas) {
  if (GetParam() > best_simd()) GTEST_SKIP() << "the host lacks these instructions";
  const std::uint16_t one = 0x3f80;
  float out;
  systolic_chain(&one, 1, &one, 1, 1, &out, GetParam());
  volatile float smallest = 1.17549435e-38f;
  EXPECT_NE(smallest / 2.0f, 0.0f);  // outside, the host keeps its subnormals
  EXPECT_EQ(out, 1.0f);
}

INSTANTIATE_TEST_SUITE_P(Simd, SystolicChain, testing::Values(Simd::scalar, Simd::avx2, Simd::avx512));

TEST(SystolicChainValues, FlushesProductsAndSumsAndKeepsSigns) {
  auto one_mac = [](std::uint16_t a, std::uint16_t w) {
    float out;
    systolic_chain(&a, 1, &w, 1, 1, &out);
    return bits_of(out);
  };
  EXPECT_EQ(one_mac(0x0080, 0x3f00), 0u);           // 2^-126 * 0.5 is subnormal: +0 + flushed +0
  EXPECT_EQ(one_mac(0x8080, 0x3f00), 0u);           // +0 + -0 = +0
  EXPECT_EQ(one_mac(0x0001, 0x7f00), 0u);           // a subnormal operand counts as zero
  EXPECT_EQ(one_mac(0x0001, 0x7f80), 0x7fc00000u);  // ... so times infinity it is the canonical NaN
  EXPECT_EQ(one_mac(0xff7f, 0x7f7f), 0xff800000u);  // overflow to -infinity
}

}  // namespace
}  // namespace triad::numerics
