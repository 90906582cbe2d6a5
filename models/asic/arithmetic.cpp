#include "models/asic/arithmetic.hpp"

#include <algorithm>
#include <vector>

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

namespace triad::asic {

using numerics::add_flushed;
using numerics::bf16_value;
using numerics::multiply_flushed;

float tree_product(const std::uint16_t* activations, const std::uint16_t* weights, int channels) {
  std::vector<float> values(static_cast<std::size_t>(channels));
  for (int c = 0; c < channels; ++c) {
    values[static_cast<std::size_t>(c)] = multiply_flushed(bf16_value(activations[c]), bf16_value(weights[c]));
  }
  for (std::size_t width = values.size() / 2; width >= 1; width /= 2) {
    for (std::size_t i = 0; i < width; ++i) values[i] = add_flushed(values[2 * i], values[2 * i + 1]);
  }
  return values[0];
}

namespace {

constexpr int vector_width = 16;  ///< kernels side by side; independent of the host, whose compiler splits it

#ifdef __x86_64__
/// Subnormals flushed in and out while this object lives. The processor flushes what is tiny after rounding; a bf16
/// product and an fp32 sum are exact where they are tiny, so this is what numerics::flush says.
class FlushedArithmetic {
 public:
  FlushedArithmetic() : before_(_mm_getcsr()) { _mm_setcsr(0x9fc0u); }
  ~FlushedArithmetic() { _mm_setcsr(before_); }
  FlushedArithmetic(const FlushedArithmetic&) = delete;
  FlushedArithmetic& operator=(const FlushedArithmetic&) = delete;

 private:
  unsigned before_;
};
#define TRIAD_SIMD __attribute__((target_clones("avx512f", "avx2", "default"), noinline))
#else
#define TRIAD_SIMD
#endif

typedef float Vector __attribute__((vector_size(vector_width * sizeof(float))));
/// The same where it lies in an array of floats.
typedef float Loose __attribute__((vector_size(vector_width * sizeof(float)), aligned(4), may_alias));

/// weights: `channels` rows of one vector of kernels. A stack of partial sums, as a binary counter carries: after an
/// even number of leaves the two on top are added, which gives the tree without storing its products.
TRIAD_SIMD void block(const float* activations, std::int64_t positions, const float* kernels, int channels,
                      float* totals) {
  const Loose* weights = reinterpret_cast<const Loose*>(kernels);
  Loose* sums = reinterpret_cast<Loose*>(totals);
  for (std::int64_t r = 0; r < positions; ++r) {
    const float* row = activations + r * channels;
    if (channels == 1) {
      sums[r] += weights[0] * row[0];
      continue;
    }
    Vector stack[12];
    int depth = 0;
    for (int c = 0; c < channels; c += 2) {
      Vector top = weights[c] * row[c] + weights[c + 1] * row[c + 1];
      for (int carry = c / 2; carry & 1; carry >>= 1) top = stack[--depth] + top;
      stack[depth++] = top;
    }
    sums[r] += stack[0];
  }
}

}  // namespace

void array_operation(const std::uint16_t* activations, std::int64_t activation_stride, std::int64_t positions,
                     const std::uint16_t* weights, std::int64_t weight_stride, int kernels, int channels, float* sums,
                     std::int64_t sum_stride) {
#ifdef __x86_64__
  static thread_local std::vector<float> rows, columns, results;
  rows.resize(static_cast<std::size_t>(positions * channels));
  for (std::int64_t r = 0; r < positions; ++r) {
    for (int c = 0; c < channels; ++c) {
      rows[static_cast<std::size_t>(r * channels + c)] = bf16_value(activations[r * activation_stride + c]);
    }
  }
  columns.resize(static_cast<std::size_t>(channels * vector_width));
  results.resize(static_cast<std::size_t>(positions * vector_width));
  for (int first = 0; first < kernels; first += vector_width) {
    const int width = std::min(vector_width, kernels - first);
    for (int c = 0; c < channels; ++c) {
      for (int k = 0; k < vector_width; ++k) {
        columns[static_cast<std::size_t>(c * vector_width + k)] =
            k < width ? bf16_value(weights[(first + k) * weight_stride + c]) : 0.0f;
      }
    }
    for (std::int64_t r = 0; r < positions; ++r) {
      for (int k = 0; k < vector_width; ++k) {
        results[static_cast<std::size_t>(r * vector_width + k)] = k < width ? sums[r * sum_stride + first + k] : 0.0f;
      }
    }
    {
      const FlushedArithmetic flushed;
      block(rows.data(), positions, columns.data(), channels, results.data());
    }
    for (std::int64_t r = 0; r < positions; ++r) {
      for (int k = 0; k < width; ++k) {
        sums[r * sum_stride + first + k] = numerics::canonical(results[static_cast<std::size_t>(r * vector_width + k)]);
      }
    }
  }
#else
  std::vector<float> next;
  for (std::int64_t r = 0; r < positions; ++r) {
    for (int k = 0; k < kernels; ++k) {
      float& sum = sums[r * sum_stride + k];
      sum = add_flushed(sum, tree_product(activations + r * activation_stride, weights + k * weight_stride, channels));
    }
  }
#endif
}

std::span<const numerics::Pass> passes(int parts) {
  if (parts == 3) return numerics::fp32_passes;
  return numerics::bf16_passes;
}

void gemm_definition(std::span<const float> a, std::span<const float> b, std::int64_t m, std::int64_t n, std::int64_t k,
                     int parts, int atomic_c, std::int64_t chunk, std::span<float> c) {
  std::vector<std::uint16_t> left(static_cast<std::size_t>(atomic_c)), right(left.size());
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (std::int64_t from = 0; from < k; from += chunk) {
        const std::int64_t to = std::min(k, from + chunk);
        for (const numerics::Pass pass : passes(parts)) {
          for (std::int64_t first = from; first < to; first += atomic_c) {
            for (std::int64_t l = 0; l < atomic_c; ++l) {
              const bool inside = first + l < to;
              left[at(l)] = inside ? numerics::bf16_bits(numerics::bf16_part(a[at(i * k + first + l)], pass.a)) : 0;
              right[at(l)] = inside ? numerics::bf16_bits(numerics::bf16_part(b[at((first + l) * n + j)], pass.b)) : 0;
            }
            sum = add_flushed(sum, tree_product(left.data(), right.data(), atomic_c));
          }
        }
      }
      c[at(i * n + j)] = sum;
    }
  }
}

}  // namespace triad::asic
