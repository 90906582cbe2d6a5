#include "sim/numerics/elementary.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "sim/numerics/simd.hpp"

namespace triad::numerics {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
const float nan = float_of(canonical_nan_bits);

/// 2^n for -126 <= n <= 127.
[[gnu::always_inline]] inline float power_of_two(int n) {
  return float_of(static_cast<std::uint32_t>(n + 127) << 23);
}

// Both sides of every condition are computed and one is chosen, so that the loops below become SIMD instructions.

[[gnu::always_inline]] inline float exponential_of(float x) {
  // Within the clamp every step is finite; NaN becomes the lower end. What lies beyond is chosen at the end.
  const float low = x > -104.0f ? x : -104.0f, clamped = low < 89.0f ? low : 89.0f;
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
  constexpr float rounder = 12582912.0f;
  const float n = (clamped * 1.44269504088896341f + rounder) - rounder;
  float r = clamped - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float y = (p * (r * r) + r) + 1.0f;
  // Two exact steps, so that 2^128 and subnormal results are reached with one rounding.
  const int exponent = static_cast<int>(n), half = exponent / 2;
  float result = y * power_of_two(half) * power_of_two(exponent - half);
  result = x > 88.72283f ? infinity : result;
  result = x < -103.98f ? 0.0f : result;
  return x != x ? nan : result;
}

[[gnu::always_inline]] inline float logarithm_of(float x) {
  const bool subnormal = x < power_of_two(-126);  // scaled up exactly
  const float scaled = subnormal ? x * 8388608.0f : x;
  const int bits = static_cast<int>(bits_of(scaled) & 0x7fffffffu);
  int exponent = (bits >> 23) - (subnormal ? 149 : 126);
  const float half = float_of((static_cast<std::uint32_t>(bits) & 0x007fffffu) | 0x3f000000u);  // in [1/2, 1)
  const bool low = half < 0.707106781186547524f;
  exponent -= low ? 1 : 0;
  const float m = (low ? half + half : half) - 1.0f;
  const float z = m * m, e = static_cast<float>(exponent);
  float p = 7.0376836292e-2f;
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  float y = (p * m) * z;
  y = y + e * -2.12194440e-4f;
  y = y - 0.5f * z;
  float result = (m + y) + e * 0.693359375f;
  result = x == infinity ? infinity : result;
  result = x == 0.0f ? -infinity : result;
  return x != x || x < 0.0f ? nan : result;
}

[[gnu::always_inline]] inline float hyperbolic_tangent_of(float x) {
  const float magnitude = x < 0 ? -x : x;
  const float z = x * x;
  float p = -5.70498872745e-3f;
  p = p * z + 2.06390887954e-2f;
  p = p * z + -5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z + -3.33332819422e-1f;
  const float near = p * z * x + x;
  const float y = 1.0f - 2.0f / (exponential_of(magnitude + magnitude) + 1.0f);
  const float far = x < 0 ? -y : y;
  const float result = magnitude < 0.625f ? near : far;
  return x != x ? nan : result;
}

[[gnu::always_inline]] inline float error_function_of(float x) {
  const float low = x < -4.0f ? -4.0f : x, clamped = low > 4.0f ? 4.0f : low;
  const float z = clamped * clamped;
  float p = -2.72614225801306e-10f;
  p = p * z + 2.77068142495902e-08f;
  p = p * z + -2.10102402082508e-06f;
  p = p * z + -5.69250639462346e-05f;
  p = p * z + -7.34990630326855e-04f;
  p = p * z + -2.95459980854025e-03f;
  p = p * z + -1.60960333262415e-02f;
  float q = -1.45660718464996e-05f;
  q = q * z + -2.13374055278905e-04f;
  q = q * z + -1.68282697438203e-03f;
  q = q * z + -7.37332916720468e-03f;
  q = q * z + -1.42647390514189e-02f;
  const float result = clamped * p / q;
  return x != x ? nan : result;
}

}  // namespace

float exponential(float x) {
  return exponential_of(x);
}
float logarithm(float x) {
  return logarithm_of(x);
}
float hyperbolic_tangent(float x) {
  return hyperbolic_tangent_of(x);
}
float error_function(float x) {
  return error_function_of(x);
}

TRIAD_SIMD void exponential(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = exponential_of(x[i]);
}
TRIAD_SIMD void logarithm(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = logarithm_of(x[i]);
}
TRIAD_SIMD void hyperbolic_tangent(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = hyperbolic_tangent_of(x[i]);
}
TRIAD_SIMD void error_function(const float* x, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) y[i] = error_function_of(x[i]);
}

float lane_sum(std::span<const float> values, int lanes) {
  std::vector<float> sums(static_cast<std::size_t>(lanes), 0.0f);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i % sums.size()] += values[i];
  std::size_t half = 1;
  while (half * 2 < sums.size()) half *= 2;
  for (; half >= 1; half /= 2) {
    for (std::size_t i = 0; i < half && i + half < sums.size(); ++i) sums[i] += sums[i + half];
  }
  return canonical(sums[0]);
}

}  // namespace triad::numerics
