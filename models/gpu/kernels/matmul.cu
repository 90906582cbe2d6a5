// C[m,n] = A[m,k] B[k,n] in fp32; A is stored [k,m] if transpose_a, B [n,k] if transpose_b. A and B may be stored as
// bf16 or fp16. Block z of the grid makes product z: its operands are a_batch, b_batch and c_batch elements behind
// those of the one before. Order: every element of C is one chain of fused multiply-adds, sum = fma(a, b, sum), from 0,
// in the order of k.
#include "cuda.h"

/// One block of 16 x 16 threads makes a tile of (16 micro) x (16 micro) elements of C, micro x micro per thread, at
/// rows and columns that are 16 apart. grid: x over columns, y over rows of tiles. Tiles of A and B pass through shared
/// memory, 16 (micro 8: 8) deep, padded by a word against bank conflicts; beyond the matrices they hold zeros.
template <int micro, class Stored>
__device__ __forceinline__ void matmul(const Stored* __restrict__ a, const Stored* __restrict__ b,
                                       float* __restrict__ c, int m, int n, int k, int transpose_a, int transpose_b,
                                       unsigned a_batch, unsigned b_batch, unsigned c_batch) {
  constexpr unsigned depth = micro == 8 ? 8 : 16, threads = 256, tile = 16 * micro;
  constexpr int loads = tile * depth / threads;  // of each matrix, by a thread
  __shared__ float a_tile[depth][tile + 1];
  __shared__ float b_tile[depth][tile + 1];
  a += static_cast<unsigned long long>(blockIdx.z) * a_batch;
  b += static_cast<unsigned long long>(blockIdx.z) * b_batch;
  c += static_cast<unsigned long long>(blockIdx.z) * c_batch;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const unsigned thread = threadIdx.y * 16 + threadIdx.x;
  const int a_row_step = transpose_a ? 1 : k, a_step = transpose_a ? m : 1;  // distance of neighbours in storage
  const int b_column_step = transpose_b ? k : 1, b_step = transpose_b ? 1 : n;
  const int row_begin = static_cast<int>(blockIdx.y * tile), column_begin = static_cast<int>(blockIdx.x * tile);
  float sum[micro][micro] = {};
  // The tiles' elements on their way from global memory. Neighbouring threads read neighbouring words: along k or along
  // the rows, as the matrix is stored. An element beyond the matrix counts as zero (and reads element 0).
  float a_values[loads], b_values[loads];
  bool a_inside[loads], b_inside[loads];
  const auto fetch = [&](int k_begin) {
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const unsigned element = thread + i * threads;
      const int row = row_begin + static_cast<int>(transpose_a ? element & (tile - 1) : element / depth);
      const int inner = k_begin + static_cast<int>(transpose_a ? element / tile : element & (depth - 1));
      a_inside[i] = (row < m) & (inner < k);
      a_values[i] = value_of(a[a_inside[i] ? row * a_row_step + inner * a_step : 0]);
    }
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const unsigned element = thread + i * threads;
      const int column = column_begin + static_cast<int>(transpose_b ? element / depth : element & (tile - 1));
      const int inner = k_begin + static_cast<int>(transpose_b ? element & (depth - 1) : element / tile);
      b_inside[i] = (column < n) & (inner < k);
      b_values[i] = value_of(b[b_inside[i] ? column * b_column_step + inner * b_step : 0]);
    }
  };
  fetch(0);
  for (int k_begin = 0; k_begin < k; k_begin += static_cast<int>(depth)) {
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const unsigned element = thread + i * threads;
      const unsigned row = transpose_a ? element & (tile - 1) : element / depth;
      const unsigned column = transpose_b ? element / depth : element & (tile - 1);
      a_tile[transpose_a ? element / tile : element & (depth - 1)][row] = a_inside[i] ? a_values[i] : 0.0f;
      b_tile[transpose_b ? element & (depth - 1) : element / tile][column] = b_inside[i] ? b_values[i] : 0.0f;
    }
    __syncthreads();
    fetch(k_begin + static_cast<int>(depth));  // the next tiles arrive while these are multiplied
#pragma unroll
    for (unsigned inner = 0; inner < depth; ++inner) {
      float a_part[micro], b_part[micro];
#pragma unroll
      for (int i = 0; i < micro; ++i) {
        a_part[i] = a_tile[inner][y + 16 * i];
        b_part[i] = b_tile[inner][x + 16 * i];
      }
#pragma unroll
      for (int i = 0; i < micro; ++i)
#pragma unroll
        for (int j = 0; j < micro; ++j) sum[i][j] = multiply_add(a_part[i], b_part[j], sum[i][j]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < micro; ++i)
#pragma unroll
    for (int j = 0; j < micro; ++j) {
      const int row = row_begin + y + 16 * i, column = column_begin + x + 16 * j;
      if (row < m && column < n) c[row * n + column] = sum[i][j];
    }
}

#define MATMUL(format, Stored, tile)                                                                                 \
  extern "C" __global__ void matmul_##format##_tile##tile(const Stored* a, const Stored* b, float* c, int m, int n,  \
                                                          int k, int transpose_a, int transpose_b, unsigned a_batch, \
                                                          unsigned b_batch, unsigned c_batch) {                      \
    matmul<tile / 16>(a, b, c, m, n, k, transpose_a, transpose_b, a_batch, b_batch, c_batch);                        \
  }
#define MATMULS(format, Stored) \
  MATMUL(format, Stored, 16)    \
  MATMUL(format, Stored, 32)    \
  MATMUL(format, Stored, 64)    \
  MATMUL(format, Stored, 128)
MATMULS(fp32, float)
MATMULS(bf16, BFloat)
MATMULS(fp16, Half)
