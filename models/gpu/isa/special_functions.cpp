#include "models/gpu/isa/special_functions.hpp"

#include <cmath>
#include <limits>

namespace triad::gpu {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// 2^x = 2^n * 2^f with n = x to the nearest integer, |f| <= 1/2; 2^f by its Taylor polynomial of degree 7 (the next
/// term is below 6e-9), evaluated by Horner's rule with fma. Coefficients: ln(2)^k / k!.
float ex2(float x) {
  if (x != x) return not_a_number;
  if (x >= 128.0f) return infinity;
  if (x < -151.0f) return 0.0f;
  const float n = std::nearbyint(x);
  const float f = x - n;
  constexpr float c[] = {1.52527338e-5f, 1.54035304e-4f, 1.33335581e-3f, 9.61812911e-3f,
                         5.55041087e-2f, 2.40226507e-1f, 6.93147181e-1f, 1.0f};
  float sum = c[0];
  for (int i = 1; i < 8; ++i) sum = std::fma(sum, f, c[i]);
  return std::ldexp(sum, static_cast<int>(n));
}

/// x = 2^e * m, m in [sqrt(1/2), sqrt(2)); log2 m = 2 / ln 2 * atanh(s), s = (m - 1) / (m + 1), by the series of atanh
/// up to s^9 (the next term is below 3e-9 of the first).
float lg2(float x) {
  if (x != x || x < 0.0f) return not_a_number;
  if (x == 0.0f) return -infinity;
  if (x == infinity) return infinity;
  int e = 0;
  float m = std::frexp(x, &e);  // [1/2, 1)
  if (m < 0.707106781f) {
    m = 2.0f * m;
    e = e - 1;
  }
  const float s = (m - 1.0f) / (m + 1.0f);
  const float square = s * s;
  constexpr float c[] = {0.320598898f, 0.412198583f, 0.577078016f, 0.961796694f,
                         2.88539008f};  // 2 / ln 2 / (9, 7, 5, 3, 1)
  float sum = c[0];
  for (int i = 1; i < 5; ++i) sum = std::fma(sum, square, c[i]);
  return std::fma(sum, s, static_cast<float>(e));
}

/// x = 2^e * m, m in [1, 2); 1 / m starts from the line 24/17 - 8/17 m (error 1/17) and takes four Newton steps.
float rcp(float x) {
  if (x != x) return not_a_number;
  if (x == 0.0f) return std::copysign(infinity, x);
  if (std::fabs(x) == infinity) return std::copysign(0.0f, x);
  int e = 0;
  const float m = 2.0f * std::frexp(std::fabs(x), &e);
  float r = std::fma(-0.470588235f, m, 1.41176471f);
  for (int step = 0; step < 4; ++step) r = std::fma(r, std::fma(-m, r, 1.0f), r);
  return std::copysign(std::ldexp(r, 1 - e), x);
}

/// x = 4^h * m, m in [1, 4); the start of 1 / sqrt(m) is the line 1.1 - 0.16 m (error below 12 %), five Newton steps.
struct Root {
  float m, reciprocal;
  int half_exponent;
};
Root root(float x) {
  int e = 0;
  float m = 2.0f * std::frexp(x, &e);
  e = e - 1;
  if (e % 2 != 0) {
    m = 2.0f * m;
    e = e - 1;
  }
  float y = std::fma(-0.16f, m, 1.1f);
  for (int step = 0; step < 5; ++step) {
    const float residual = std::fma(-m * y, y, 1.0f);
    y = std::fma(0.5f * y, residual, y);
  }
  return {m, y, e / 2};
}

float rsq(float x) {
  if (x != x || x < 0.0f) return not_a_number;
  if (x == 0.0f) return std::copysign(infinity, x);
  if (x == infinity) return 0.0f;
  const Root r = root(x);
  return std::ldexp(r.reciprocal, -r.half_exponent);
}

/// sqrt m = m / sqrt(m), then one correction by the remainder.
float square_root(float x) {
  if (x == 0.0f || x == infinity) return x;
  if (x != x || x < 0.0f) return not_a_number;
  const Root r = root(x);
  const float s = r.m * r.reciprocal;
  return std::ldexp(std::fma(std::fma(-s, s, r.m), 0.5f * r.reciprocal, s), r.half_exponent);
}

}  // namespace

float special_function(Function function, float x) {
  switch (function) {
    case Function::ex2:
      return ex2(x);
    case Function::lg2:
      return lg2(x);
    case Function::rcp:
      return rcp(x);
    case Function::rsq:
      return rsq(x);
    case Function::sqrt:
      return square_root(x);
  }
  return not_a_number;
}

}  // namespace triad::gpu
