#pragma once
#include <cstddef>
#include <cstdint>

#include "sim/graph/formula.hpp"
#include "sim/reference/memory.hpp"

/// The functions of formulas over vectors, by the host's widest SIMD instructions: the same bits with all of them.
namespace triad::reference {

/// y[i] = function(a[i], b[i], c[i]); the element-wise functions from `add` to `round`.
void apply(graph::Function function, const float* a, const float* b, const float* c, float* y, std::size_t n);

/// y[i] = numerics::uniform(seed, step[i], index[i])
void draw(std::uint32_t seed, const float* step, const std::uint32_t* index, float* y, std::size_t n);

/// Sum of n elements in fp64, added to eight partial sums in turn; `lane_sums` are kept from call to call.
void sum(const float* x, std::size_t n, double* lane_sums);

/// The largest of n elements, NaN if one is NaN, taken into eight partial maxima in turn.
void largest(const float* x, std::size_t n, float* lane_maxima);

/// sums[i] += x[i]
void add_to(const float* x, std::size_t n, double* sums);

/// n elements from `offset` on, `stride` apart, as fp32.
void read(Source source, std::int64_t offset, std::int64_t stride, std::size_t n, float* y);

/// The reverse: rounded to the format of the target.
void write(const float* x, std::size_t n, Target target, std::int64_t offset, std::int64_t stride);

}  // namespace triad::reference
