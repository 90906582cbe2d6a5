// The product of matrices of one group of a convolution, tile by tile, as in matmul.cu. Order: every element is one
// chain of fused multiply-adds, from 0, in the order of k; of the weight gradient one chain per part of k.
#pragma once
#include "convolution.h"

/// A block of 16 x 16 threads makes a tile of (16 micro) x (16 micro). grid: x over columns, y over rows of tiles, z
/// over groups and, within a group, `parts` equal parts of the inner index (multiples of the depth); part i is written
/// i * part_elements behind the first one.
template <int micro, class Problem, class Stored>
__device__ __forceinline__ void implicit_gemm(const Problem& problem, const Stored* __restrict__ first,
                                              const Stored* __restrict__ second, float* __restrict__ out, int parts,
                                              Divisor by_parts, int part_inner, int part_elements) {
  constexpr unsigned depth = micro == 8 ? 8 : 16, threads = 256, tile = 16 * micro;
  constexpr int loads = tile * depth / threads;
  constexpr bool inner_first = Problem::inner_first;
  __shared__ float first_tile[depth][tile + 1];
  __shared__ float second_tile[depth][tile + 1];
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const unsigned thread = threadIdx.y * 16 + threadIdx.x;
  const int z = static_cast<int>(blockIdx.z), group = by_parts.quotient(z), part = z - group * parts;
  const int rows = problem.rows(), columns = problem.columns();
  const int begin = part * part_inner;
  const int end = begin + part_inner < problem.inner() ? begin + part_inner : problem.inner();
  const int row_begin = static_cast<int>(blockIdx.y * tile), column_begin = static_cast<int>(blockIdx.x * tile);
  float sum[micro][micro] = {};
  Place places[loads];
#pragma unroll
  for (int i = 0; i < loads; ++i) {
    const unsigned element = thread + i * threads;
    const int column = column_begin + static_cast<int>(inner_first ? element / depth : element & (tile - 1));
    places[i] = problem.column(column < columns ? column : 0);
  }
  float first_values[loads], second_values[loads];
  bool first_inside[loads], second_inside[loads];
  const auto fetch = [&](int k_begin) {
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const unsigned element = thread + i * threads;
      const int row = row_begin + static_cast<int>(element / depth);
      const int k = k_begin + static_cast<int>(element & (depth - 1));
      first_inside[i] = (row < rows) & (k < end);
      const int at = problem.first(group, row, k, problem.inner(k));
      first_values[i] = value_of(first[first_inside[i] ? at : 0]);
    }
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const unsigned element = thread + i * threads;
      const int column = column_begin + static_cast<int>(inner_first ? element / depth : element & (tile - 1));
      const int k = k_begin + static_cast<int>(inner_first ? element & (depth - 1) : element / tile);
      bool inside = (column < columns) & (k < end);
      const int at = problem.second(group, places[i], problem.inner(k), inside);
      second_inside[i] = inside;
      second_values[i] = value_of(second[inside ? at : 0]);
    }
  };
  fetch(begin);
  for (int k_begin = begin; k_begin < end; k_begin += static_cast<int>(depth)) {
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const unsigned element = thread + i * threads;
      first_tile[element & (depth - 1)][element / depth] = first_inside[i] ? first_values[i] : 0.0f;
      second_tile[inner_first ? element & (depth - 1) : element / tile]
                 [inner_first ? element / depth : element & (tile - 1)] = second_inside[i] ? second_values[i] : 0.0f;
    }
    __syncthreads();
    fetch(k_begin + static_cast<int>(depth));  // the next tiles arrive while these are multiplied
#pragma unroll
    for (unsigned inner = 0; inner < depth; ++inner) {
      float a_part[micro], b_part[micro];
#pragma unroll
      for (int i = 0; i < micro; ++i) {
        a_part[i] = first_tile[inner][y + 16 * i];
        b_part[i] = second_tile[inner][x + 16 * i];
      }
#pragma unroll
      for (int i = 0; i < micro; ++i)
#pragma unroll
        for (int j = 0; j < micro; ++j) sum[i][j] = multiply_add(a_part[i], b_part[j], sum[i][j]);
    }
    __syncthreads();
  }
  out += static_cast<unsigned long long>(part) * static_cast<unsigned>(part_elements);
#pragma unroll
  for (int j = 0; j < micro; ++j) {
    const int column = column_begin + x + 16 * j;
    const Place at = problem.column(column < columns ? column : 0);
#pragma unroll
    for (int i = 0; i < micro; ++i) {
      const int row = row_begin + y + 16 * i;
      if (row < rows && column < columns) out[problem.result(group, row, column, at)] = sum[i][j];
    }
  }
}

#define IMPLICIT_GEMM(name, Problem, format, Stored, tile)                                                           \
  extern "C" __global__ void name##_##format##_tile##tile(const Stored* first, const Stored* second, float* out,     \
                                                          CONVOLUTION_PARAMETERS, int parts, unsigned parts_factor,  \
                                                          unsigned parts_shift, int part_inner, int part_elements) { \
    implicit_gemm<tile / 16>(Problem{CONVOLUTION}, first, second, out, parts, Divisor{parts_factor, parts_shift},    \
                             part_inner, part_elements);                                                             \
  }
#define IMPLICIT_GEMMS_OF(name, Problem, format, Stored) \
  IMPLICIT_GEMM(name, Problem, format, Stored, 16)       \
  IMPLICIT_GEMM(name, Problem, format, Stored, 32)       \
  IMPLICIT_GEMM(name, Problem, format, Stored, 64)       \
  IMPLICIT_GEMM(name, Problem, format, Stored, 128)
#define IMPLICIT_GEMMS(name, Problem)            \
  IMPLICIT_GEMMS_OF(name, Problem, fp32, float)  \
  IMPLICIT_GEMMS_OF(name, Problem, bf16, BFloat) \
  IMPLICIT_GEMMS_OF(name, Problem, fp16, Half)
