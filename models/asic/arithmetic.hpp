#pragma once
#include <cstdint>
#include <span>

#include "sim/numerics/mac.hpp"

/// The arithmetic of the machine: what each unit computes, bit for bit.
namespace triad::asic {

/// The multiplication of one MAC cell in one cycle: `channels` products of bf16 values, added by a binary tree that
/// adds neighbours (0 and 1, 2 and 3, ...; then the results likewise), each addition in fp32, subnormals flushed.
/// `channels` is a power of two; a cell that is given fewer gets zeros for the others.
float tree_product(const std::uint16_t* activations, const std::uint16_t* weights, int channels);

/// One operation of the array with its accumulation: for `positions` rows of activations (row r at activations + r *
/// activation_stride) and `kernels` weight vectors (likewise), sums[r * sum_stride + k] += tree_product(row r, kernel
/// k), an fp32 addition with subnormals flushed. Bit-equal to that, by the host's SIMD.
void array_operation(const std::uint16_t* activations, std::int64_t activation_stride, std::int64_t positions,
                     const std::uint16_t* weights, std::int64_t weight_stride, int kernels, int channels, float* sums,
                     std::int64_t sum_stride);

/// C[m,n] = A[m,k] B[k,n] as the machine computes it, scalar and slow: the definition. Operands as bf16 parts of fp32
/// values (`parts` 3: six passes; 1: the values are bf16). The channels come in chunks of `chunk` (what the buffer
/// holds); a chunk in passes; a pass in blocks of `atomic_c`; every block adds one tree_product to the sum, which
/// begins at +0.
void gemm_definition(std::span<const float> a, std::span<const float> b, std::int64_t m, std::int64_t n, std::int64_t k,
                     int parts, int atomic_c, std::int64_t chunk, std::span<float> c);

/// The passes of a layer over operands in this many parts.
std::span<const numerics::Pass> passes(int parts);

}  // namespace triad::asic
