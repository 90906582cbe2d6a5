// Reductions and losses. Blocks are 32 x 8 threads, of the losses 32 x 32. Loops are unrolled to
// have several loads under way. Sums are made in a fixed order, never by
// atomics.
#include "cuda.h"

constexpr int width = 32, height = 8, tall = 32;

/// Reduces partial[0 .. rows - 1][x] by halves: (p0 + p4), ..., then (.. + p2 + p6), ... for 8 rows; the sum in every
/// thread (x, y).
template <int rows>
__device__ __forceinline__ float sum_over_height(float (&partial)[rows][width], float value) {
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  partial[y][x] = value;
  __syncthreads();
#pragma unroll
  for (int half = rows / 2; half > 0; half /= 2) {
    if (y < half) partial[y][x] = partial[y][x] + partial[y + half][x];
    __syncthreads();
  }
  const float sum = partial[0][x];
  __syncthreads();
  return sum;
}

struct Sum {
  __device__ __forceinline__ float operator()(float a, float b) const { return a + b; }
};
struct Maximum {
  __device__ __forceinline__ float operator()(float a, float b) const { return maximum(a, b); }
};
/// Reduces each row of partial over its 32 columns, by halves; the result in every thread of the row.
template <int rows, class Operation>
__device__ __forceinline__ float over_width(float (&partial)[rows][width], float value, Operation operation) {
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  partial[y][x] = value;
  __syncthreads();
#pragma unroll
  for (int half = width / 2; half > 0; half /= 2) {
    if (x < half) partial[y][x] = operation(partial[y][x], partial[y][x + half]);
    __syncthreads();
  }
  const float result = partial[y][0];
  __syncthreads();
  return result;
}

/// out[c] = sum over r of x[r, c]. grid: x over columns, 32 a block. Thread y of 8 adds rows y, y + 8, ... in order,
/// then the eight partial sums are added by halves.
extern "C" __global__ void reduce_sum(const float* x, float* out, int rows, int columns) {
  __shared__ float partial[height][width];
  const int column = first_x();
  float sum = 0.0f;
  if (column < columns) {
#pragma unroll 4
    for (int row = static_cast<int>(threadIdx.y); row < rows; row += height) sum = sum + x[row * columns + column];
  }
  sum = sum_over_height(partial, sum);
  if (threadIdx.y == 0 && column < columns) out[column] = sum;
}

/// loss = sum of (prediction - target)^2 / n. One block. Thread t of 1024 adds elements t, t + 1024, ... by fma, then
/// the partial sums are added by halves, over the 32 columns of threads and then over the 32 rows.
extern "C" __global__ void mse(const float* prediction, const float* target, float* loss, int n) {
  __shared__ float partial[tall][width];
  float sum = 0.0f;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.y) * width + static_cast<int>(threadIdx.x); i < n; i += width * tall) {
    const float difference = prediction[i] - target[i];
    sum = multiply_add(difference, difference, sum);
  }
  sum = over_width(partial, sum, Sum());
  sum = sum_over_height(partial, sum);
  if (threadIdx.x == 0 && threadIdx.y == 0) *loss = divide(sum, static_cast<float>(n));
}

constexpr float log2_e = 1.44269504f, ln_2 = 0.693147181f, lowest = -3.40282347e38f;

/// The row's largest logit and the sum of e^(logit - largest), in every thread of the row: thread x of 32 takes columns
/// x, x + 32, ... in order, then by halves. A row at or beyond `rows` takes part in the barriers only.
struct RowStatistics {
  float largest, sum;
};
template <int block_rows>
__device__ __forceinline__ RowStatistics row_statistics(float (&partial)[block_rows][width], const float* logits,
                                                        int row, int rows, int columns) {
  const int x = static_cast<int>(threadIdx.x), end = row < rows ? columns : 0;
  float largest = lowest;
  for (int column = x; column < end; column += width) largest = maximum(largest, logits[row * columns + column]);
  largest = over_width(partial, largest, Maximum());
  float sum = 0.0f;
  for (int column = x; column < end; column += width)
    sum = sum + exponential2((logits[row * columns + column] - largest) * log2_e);
  sum = over_width(partial, sum, Sum());
  return {largest, sum};
}

/// loss = mean over rows of ln(sum of e^logit) - logit[class]. One block. Row of threads y of 32 takes rows y, y + 32,
/// ... in order, then by halves.
extern "C" __global__ void cross_entropy(const float* logits, const int* classes, float* loss, int rows, int columns) {
  __shared__ float partial[tall][width];
  float total = 0.0f;
  for (int first = 0; first < rows; first += tall) {
    const int row = first + static_cast<int>(threadIdx.y);
    const RowStatistics statistics = row_statistics(partial, logits, row, rows, columns);
    if (row < rows)
      total = total + (logarithm2(statistics.sum) * ln_2 - (logits[row * columns + classes[row]] - statistics.largest));
  }
  total = sum_over_height(partial, total);
  if (threadIdx.x == 0 && threadIdx.y == 0) *loss = divide(total, static_cast<float>(rows));
}

/// out = (softmax(logits) - one_hot(class)) * scale, with scale = 1 / rows in fp32. grid: y over rows, 8 a block.
extern "C" __global__ void cross_entropy_grad(const float* logits, const int* classes, float* out, int rows,
                                              int columns, float scale) {
  __shared__ float partial[height][width];
  const int row = first_y();
  const RowStatistics statistics = row_statistics(partial, logits, row, rows, columns);
  if (row >= rows) return;
  const int correct = classes[row];
  for (int column = static_cast<int>(threadIdx.x); column < columns; column += width) {
    const float e = exponential2((logits[row * columns + column] - statistics.largest) * log2_e);
    out[row * columns + column] = (divide(e, statistics.sum) - (column == correct ? 1.0f : 0.0f)) * scale;
  }
}
