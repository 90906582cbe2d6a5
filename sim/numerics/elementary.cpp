#include "sim/numerics/elementary.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace triad::numerics {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// 2^n for -126 <= n <= 127.
float power_of_two(int n) {
  return float_of(static_cast<std::uint32_t>(n + 127) << 23);
}

}  // namespace

float exponential(float x) {
  if (x != x) return canonical(x);
  if (x > 88.72283f) return infinity;
  if (x < -103.98f) return 0.0f;
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest integer.
  constexpr float rounder = 12582912.0f;
  const float n = (x * 1.44269504088896341f + rounder) - rounder;
  float r = x - n * 0.693359375f;
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
  return y * power_of_two(half) * power_of_two(exponent - half);
}

float logarithm(float x) {
  if (x != x || x < 0.0f) return float_of(canonical_nan_bits);
  if (x == 0.0f) return -infinity;
  if (x == infinity) return infinity;
  int exponent = 0;
  if (x < power_of_two(-126)) {  // subnormal: scaled up exactly
    x = x * 8388608.0f;
    exponent = -23;
  }
  exponent += static_cast<int>(bits_of(x) >> 23) - 126;
  float m = float_of((bits_of(x) & 0x007fffffu) | 0x3f000000u);  // in [1/2, 1)
  if (m < 0.707106781186547524f) {
    exponent -= 1;
    m = (m + m) - 1.0f;
  } else {
    m = m - 1.0f;
  }
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
  return (m + y) + e * 0.693359375f;
}

float hyperbolic_tangent(float x) {
  if (x != x) return canonical(x);
  const float magnitude = x < 0 ? -x : x;
  if (magnitude < 0.625f) {
    const float z = x * x;
    float p = -5.70498872745e-3f;
    for (const float c : {2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f}) p = p * z + c;
    return p * z * x + x;
  }
  const float y = 1.0f - 2.0f / (exponential(magnitude + magnitude) + 1.0f);
  return x < 0 ? -y : y;
}

float error_function(float x) {
  if (x != x) return canonical(x);
  const float clamped = x < -4.0f ? -4.0f : x > 4.0f ? 4.0f : x;
  const float z = clamped * clamped;
  float p = -2.72614225801306e-10f;
  for (const float c : {2.77068142495902e-08f, -2.10102402082508e-06f, -5.69250639462346e-05f, -7.34990630326855e-04f,
                        -2.95459980854025e-03f, -1.60960333262415e-02f}) {
    p = p * z + c;
  }
  float q = -1.45660718464996e-05f;
  for (const float c :
       {-2.13374055278905e-04f, -1.68282697438203e-03f, -7.37332916720468e-03f, -1.42647390514189e-02f}) {
    q = q * z + c;
  }
  return clamped * p / q;
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
