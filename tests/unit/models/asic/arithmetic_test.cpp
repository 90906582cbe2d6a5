#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "models/asic/arithmetic.hpp"

/// The array's arithmetic: the fast form against the scalar definition, bit for bit.
namespace triad::asic {
namespace {

using numerics::add_flushed;
using numerics::bits_of;

std::uint16_t word(std::mt19937& engine, bool special) {
  if (special && engine() % 5 == 0)
    return static_cast<std::uint16_t>(engine());  // any pattern: NaN, infinity, subnormal
  return numerics::bf16_bits((static_cast<float>(engine() >> 8) * 0x1p-24f - 0.5f) * 4);
}

void expect_equal(int positions, int kernels, int channels, bool special, unsigned seed) {
  std::mt19937 engine(seed);
  const int a_stride = channels + 3, w_stride = channels + 5, s_stride = kernels + 2;
  const auto size = [](int a, int b) { return static_cast<std::size_t>(a) * static_cast<std::size_t>(b); };
  std::vector<std::uint16_t> a(size(positions, a_stride)), w(size(kernels, w_stride));
  for (auto& x : a) x = word(engine, special);
  for (auto& x : w) x = word(engine, special);
  std::vector<float> sums(size(positions, s_stride));
  for (auto& x : sums) x = numerics::bf16_value(word(engine, special));
  std::vector<float> expected = sums;
  for (int r = 0; r < positions; ++r) {
    for (int k = 0; k < kernels; ++k) {
      float& sum = expected[size(r, s_stride) + static_cast<std::size_t>(k)];
      sum = add_flushed(sum, tree_product(a.data() + r * a_stride, w.data() + k * w_stride, channels));
    }
  }
  array_operation(a.data(), a_stride, positions, w.data(), w_stride, kernels, channels, sums.data(), s_stride);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    ASSERT_EQ(bits_of(sums[i]), bits_of(expected[i])) << positions << " x " << kernels << " x " << channels
                                                      << " element " << i << ": " << sums[i] << ", not " << expected[i];
  }
}

TEST(ArrayOperation, EqualsTheTreeForEveryWidth) {
  unsigned seed = 1;
  for (int channels = 1; channels <= 1024; channels *= 2) {
    for (const int kernels : {1, 3, 16, 17, 32, 37}) expect_equal(5, kernels, channels, seed % 2 == 0, seed), ++seed;
  }
}

/// Operands of any bits: products overflow, cancel, vanish below the smallest normal number.
TEST(ArrayOperation, EqualsTheTreeForAnyBits) {
  std::mt19937 engine(99);
  for (unsigned i = 0; i < 60; ++i) {
    expect_equal(static_cast<int>(engine() % 20 + 1), static_cast<int>(engine() % 40 + 1), 1 << (engine() % 8), true,
                 i + 500);
  }
}

TEST(TreeProduct, AddsNeighboursFirst) {
  // 2^24 + 1 is lost when added alone; (2^24 - 2^24) + (1 + 1) is 2, ((2^24 + 1) - 2^24) + 1 would be 1.
  const auto bf = [](float x) { return numerics::bf16_bits(x); };
  const std::uint16_t a[] = {bf(0x1p24f), bf(-0x1p24f), bf(1), bf(1)}, ones[] = {bf(1), bf(1), bf(1), bf(1)};
  EXPECT_EQ(tree_product(a, ones, 4), 2.0f);
  const std::uint16_t b[] = {bf(0x1p24f), bf(1), bf(-0x1p24f), bf(1)};
  // 2^24 + 1 rounds to 2^24 (to even), -2^24 + 1 is exact: their sum is 1.
  EXPECT_EQ(tree_product(b, ones, 4), 1.0f);
}

/// Six passes over three parts come close to an fp32 product.
TEST(GemmDefinition, SixPassesHaveFp32Accuracy) {
  std::mt19937 engine(7);
  constexpr int m = 5, n = 7, k = 131;
  std::vector<float> a(m * k), b(k * n), c(m * n);
  for (float& x : a) x = static_cast<float>(engine() >> 8) * 0x1p-24f - 0.5f;
  for (float& x : b) x = static_cast<float>(engine() >> 8) * 0x1p-24f - 0.5f;
  gemm_definition(a, b, m, n, k, 3, 16, 48, c);
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      double exact = 0, magnitude = 0;
      for (int x = 0; x < k; ++x) {
        const double product =
            static_cast<double>(a[static_cast<std::size_t>(i * k + x)]) * b[static_cast<std::size_t>(x * n + j)];
        exact += product;
        magnitude += std::abs(product);
      }
      EXPECT_NEAR(c[static_cast<std::size_t>(i * n + j)], exact, 1e-6 * magnitude);
    }
  }
}

}  // namespace
}  // namespace triad::asic
