#pragma once
#include <cstdint>

/// The value of a systolic column, for whole bursts: what a weight-stationary array computes, bit for bit.
namespace triad::numerics {

/// Host instructions that compute it. All give the same bits.
enum class Simd { scalar, avx2, avx512 };

/// The widest that this host has.
Simd best_simd();

/// out[m][c] = mac(... mac(mac(+0, a[m][0], w[0][c]), a[m][1], w[1][c]) ..., a[m][depth-1], w[depth-1][c]), see
/// mac.hpp: one chain per element in order of increasing r. rows: count x depth bf16; weights: depth x columns bf16;
/// out: count x columns fp32; all row-major and dense.
void systolic_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                    float* out);

/// The same with chosen instructions (tests, benchmarks). Throws std::invalid_argument when the host lacks them.
void systolic_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                    float* out, Simd simd);

}  // namespace triad::numerics
