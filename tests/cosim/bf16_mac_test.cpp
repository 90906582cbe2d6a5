// rtl/numerics against sim/numerics, bit for bit.
#include <gtest/gtest.h>

#include <random>

#include "Vbf16_mac.h"
#include "sim/numerics/mac.hpp"

namespace {

using namespace triad::numerics;

class Mac : public testing::Test {
 protected:
  void check(std::uint32_t sum, std::uint16_t a, std::uint16_t b) {
    model_.sum_i = sum;
    model_.a_i = a;
    model_.b_i = b;
    model_.eval();
    const float product = multiply_flushed(bf16_value(a), bf16_value(b));
    ASSERT_EQ(model_.product_o, bits_of(product)) << std::hex << a << " * " << b;
    ASSERT_EQ(model_.sum_o, bits_of(mac(float_of(sum), bf16_value(a), bf16_value(b))))
        << std::hex << sum << " + " << a << " * " << b;
  }
  VerilatedContext context_;
  Vbf16_mac model_{&context_};
  std::mt19937_64 random_{2024};
};

TEST_F(Mac, EverySpecialOperandWithEveryOther) {
  const std::uint16_t factors[] = {0x0000, 0x8000, 0x0001, 0x8001, 0x007f, 0x0080, 0x8080, 0x00ff, 0x0100, 0x3f00,
                                   0x3f7f, 0x3f80, 0xbf80, 0x3f81, 0x3fff, 0x4000, 0x1f80, 0x2000, 0x5f80, 0x6000,
                                   0x7f00, 0x7f7f, 0xff7f, 0x7f80, 0xff80, 0x7f81, 0x7fc0, 0xffc0, 0xffff};
  const std::uint32_t sums[] = {0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x80800000,
                                0x00800001, 0x00ffffff, 0x3f7fffff, 0x3f800000, 0xbf800000, 0x3f800001,
                                0x3fffffff, 0x33800000, 0x33800001, 0x337fffff, 0xb3800000, 0x32ffffff,
                                0x4b7fffff, 0x4b800000, 0x7f7fffff, 0xff7fffff, 0x7f000000, 0x73800000,
                                0x737fffff, 0x7f800000, 0xff800000, 0x7f800001, 0x7fc00000, 0xffc00001};
  for (const std::uint16_t a : factors) {
    for (const std::uint16_t b : factors) {
      for (const std::uint32_t sum : sums) check(sum, a, b);
    }
  }
}

TEST_F(Mac, AnyBits) {
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t bits = random_();
    check(static_cast<std::uint32_t>(bits), static_cast<std::uint16_t>(bits >> 32),
          static_cast<std::uint16_t>(bits >> 48));
  }
}

// Sum and product of like size: alignment, cancellation, rounding ties and carries, where random bits seldom go.
TEST_F(Mac, SumsOfLikeExponents) {
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t bits = random_();
    const int exponent_a = 100 + static_cast<int>(random_() % 56), exponent_b = 100 + static_cast<int>(random_() % 56);
    const std::uint16_t a = static_cast<std::uint16_t>((bits & 0x807f) | exponent_a << 7);
    const std::uint16_t b = static_cast<std::uint16_t>((bits >> 16 & 0x807f) | exponent_b << 7);
    const int exponent_sum = exponent_a + exponent_b - 127 + static_cast<int>(random_() % 60) - 30;
    if (exponent_sum < 1 || exponent_sum > 254) continue;
    std::uint32_t fraction = static_cast<std::uint32_t>(bits >> 40) & 0x7fffff;
    if (i % 3 == 0) fraction &= 0x7f0000 | (1u << (i % 23));  // few bits: ties and exact cancellation
    check(
        static_cast<std::uint32_t>(bits >> 32 & 0x80000000) | static_cast<std::uint32_t>(exponent_sum) << 23 | fraction,
        a, b);
  }
}

// Around the smallest normal number (flushing) and the largest (overflow).
TEST_F(Mac, TheEndsOfTheRange) {
  for (int i = 0; i < 1'000'000; ++i) {
    const std::uint64_t bits = random_();
    const bool top = i % 2 == 0;
    const int product = top ? 250 + static_cast<int>(random_() % 8) : static_cast<int>(random_() % 8) - 3;
    const int exponent_a = top ? 190 + static_cast<int>(random_() % 60) : 2 + static_cast<int>(random_() % 120);
    const int exponent_b = product + 127 - exponent_a;
    if (exponent_b < 0 || exponent_b > 254) continue;
    const std::uint16_t a = static_cast<std::uint16_t>((bits & 0x807f) | exponent_a << 7);
    const std::uint16_t b = static_cast<std::uint16_t>((bits >> 16 & 0x807f) | exponent_b << 7);
    const std::uint32_t exponent_sum = top ? 248 + random_() % 7 : random_() % 8;
    check(static_cast<std::uint32_t>(bits >> 32 & 0x807fffff) | exponent_sum << 23, a, b);
  }
}

}  // namespace
