#pragma once
#include <cstddef>
#include <span>

#include "sim/numerics/format.hpp"

/// Transcendental functions and reductions of vector and point-wise engines, as stated fp32 sequences: plain fp32
/// additions and multiplications, each rounded to nearest even, in the order written; never the host's libm. Subnormals
/// are kept; the canonical NaN is delivered.
namespace triad::numerics {

/// e^x. Range reduction by Cody and Waite (ln 2 in two parts) and a polynomial of degree 6; constants: Cephes
/// Mathematical Library, expf. Error below 2 units in the last place. Above 88.7228 infinity, below -103.98 zero.
float exponential(float x);

/// Natural logarithm. Mantissa reduced to [sqrt(1/2), sqrt(2)), polynomial of degree 9; constants: Cephes, logf. Error
/// below 2 units in the last place. 0 -> -infinity, negative -> NaN.
float logarithm(float x);

/// Hyperbolic tangent. Below 0.625 a polynomial of degree 9 (constants: Cephes, tanhf), else 1 - 2 / (e^(2|x|) + 1)
/// with the sign of x.
float hyperbolic_tangent(float x);

/// Error function: x p(x^2) / q(x^2), x clamped to [-4, 4]; constants: Eigen's generic_fast_erf_float. Error below
/// 1e-6.
float error_function(float x);

/// The same four over vectors, bit for bit, by the host's SIMD instructions. `x` and `y` may be the same.
void exponential(const float* x, float* y, std::size_t n);
void logarithm(const float* x, float* y, std::size_t n);
void hyperbolic_tangent(const float* x, float* y, std::size_t n);
void error_function(const float* x, float* y, std::size_t n);

/// The sum of a row by an engine of `lanes` fp32 adders: lane l adds elements l, l + lanes, l + 2 lanes ... in order,
/// from +0; then a binary tree over the lanes, in which lane i takes in lane i + half, for half = the smallest power of
/// two >= lanes / 2, halved down to 1 (a lane beyond the last one adds nothing).
float lane_sum(std::span<const float> values, int lanes);

}  // namespace triad::numerics
