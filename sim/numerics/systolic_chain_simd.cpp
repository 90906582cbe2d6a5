#ifdef __x86_64__
#include "sim/numerics/systolic_chain_simd.hpp"

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "sim/numerics/format.hpp"

namespace triad::numerics {
namespace {

/// Round to nearest even, subnormals flushed in and out, no traps, while this object lives.
class FlushedArithmetic {
 public:
  FlushedArithmetic() : before_(_mm_getcsr()) { _mm_setcsr(0x9fc0u); }  // FTZ | all exceptions masked | DAZ
  ~FlushedArithmetic() { _mm_setcsr(before_); }
  FlushedArithmetic(const FlushedArithmetic&) = delete;
  FlushedArithmetic& operator=(const FlushedArithmetic&) = delete;

 private:
  unsigned before_;
};

void widen(const std::uint16_t* from, int count, float* to) {
  for (int i = 0; i < count; ++i) {
    const std::uint32_t bits = static_cast<std::uint32_t>(from[i]) << 16;
    std::memcpy(to + i, &bits, sizeof bits);
  }
}

/// One block of rows against one panel of columns: sums stay in registers for the whole depth.
/// a: block rows of `depth` fp32; w: depth rows of one panel's columns; out: block rows of one panel's columns.
template <int block>
__attribute__((target("avx512f"), noinline)) void avx512_block(const float* a, const float* w, int depth, float* out) {
  __m512 sum[block][4];
  for (int i = 0; i < block; ++i) {
    for (int v = 0; v < 4; ++v) sum[i][v] = _mm512_setzero_ps();
  }
  for (int r = 0; r < depth; ++r) {
    __m512 weight[4];
    for (int v = 0; v < 4; ++v) weight[v] = _mm512_loadu_ps(w + r * 64 + v * 16);
    for (int i = 0; i < block; ++i) {
      const __m512 factor = _mm512_set1_ps(a[static_cast<std::ptrdiff_t>(i) * depth + r]);
      for (int v = 0; v < 4; ++v) sum[i][v] = _mm512_add_ps(sum[i][v], _mm512_mul_ps(factor, weight[v]));
    }
  }
  const __m512 nan = _mm512_castsi512_ps(_mm512_set1_epi32(canonical_nan_bits));
  for (int i = 0; i < block; ++i) {
    for (int v = 0; v < 4; ++v) {
      const __mmask16 unordered = _mm512_cmp_ps_mask(sum[i][v], sum[i][v], _CMP_UNORD_Q);
      _mm512_storeu_ps(out + i * 64 + v * 16, _mm512_mask_blend_ps(unordered, sum[i][v], nan));
    }
  }
}

template <int block>
__attribute__((target("avx2"), noinline)) void avx2_block(const float* a, const float* w, int depth, float* out) {
  __m256 sum[block][2];
  for (int i = 0; i < block; ++i) {
    for (int v = 0; v < 2; ++v) sum[i][v] = _mm256_setzero_ps();
  }
  for (int r = 0; r < depth; ++r) {
    __m256 weight[2];
    for (int v = 0; v < 2; ++v) weight[v] = _mm256_loadu_ps(w + r * 16 + v * 8);
    for (int i = 0; i < block; ++i) {
      const __m256 factor = _mm256_broadcast_ss(a + static_cast<std::ptrdiff_t>(i) * depth + r);
      for (int v = 0; v < 2; ++v) sum[i][v] = _mm256_add_ps(sum[i][v], _mm256_mul_ps(factor, weight[v]));
    }
  }
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(canonical_nan_bits));
  for (int i = 0; i < block; ++i) {
    for (int v = 0; v < 2; ++v) {
      const __m256 unordered = _mm256_cmp_ps(sum[i][v], sum[i][v], _CMP_UNORD_Q);
      _mm256_storeu_ps(out + i * 16 + v * 8, _mm256_blendv_ps(sum[i][v], nan, unordered));
    }
  }
}

using Block = void (*)(const float* a, const float* w, int depth, float* out);

/// Panels of `panel` columns outside (their weights stay in the L1 cache), blocks of up to 6 rows inside.
void blocked_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                   float* out, int panel, const Block (&blocks)[6]) {
  thread_local std::vector<float> a, w;
  float sums[6 * 64];
  a.resize(static_cast<std::size_t>(count) * depth);
  for (int m = 0; m < count; ++m) {
    widen(rows + static_cast<std::size_t>(m) * depth, depth, a.data() + static_cast<std::size_t>(m) * depth);
  }
  w.assign(static_cast<std::size_t>(depth) * panel, 0.0f);
  const FlushedArithmetic flushed;
  for (int first = 0; first < columns; first += panel) {
    const int width = std::min(panel, columns - first);
    for (int r = 0; r < depth; ++r) {
      widen(weights + static_cast<std::size_t>(r) * columns + first, width,
            w.data() + static_cast<std::size_t>(r) * panel);
    }
    for (int m = 0; m < count; m += 6) {
      const int block = std::min(6, count - m);
      blocks[block - 1](a.data() + static_cast<std::size_t>(m) * depth, w.data(), depth, sums);
      for (int i = 0; i < block; ++i) {
        std::memcpy(out + static_cast<std::size_t>(m + i) * columns + first, sums + i * panel, width * sizeof(float));
      }
    }
  }
}

}  // namespace

void avx512_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                  float* out) {
  static constexpr Block blocks[6] = {avx512_block<1>, avx512_block<2>, avx512_block<3>,
                                      avx512_block<4>, avx512_block<5>, avx512_block<6>};
  blocked_chain(rows, count, weights, depth, columns, out, 64, blocks);
}

void avx2_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                float* out) {
  static constexpr Block blocks[6] = {avx2_block<1>, avx2_block<2>, avx2_block<3>,
                                      avx2_block<4>, avx2_block<5>, avx2_block<6>};
  blocked_chain(rows, count, weights, depth, columns, out, 16, blocks);
}

}  // namespace triad::numerics
#endif
