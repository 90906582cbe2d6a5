#include "sim/numerics/systolic_chain.hpp"

#include <stdexcept>

#include "sim/numerics/mac.hpp"
#include "sim/numerics/systolic_chain_simd.hpp"

namespace triad::numerics {
namespace {

/// The definition that the SIMD forms are tested against.
void scalar_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                  float* out) {
  for (int m = 0; m < count; ++m) {
    for (int c = 0; c < columns; ++c) {
      float sum = 0.0f;
      for (int r = 0; r < depth; ++r) {
        sum = mac(sum, bf16_value(rows[static_cast<std::size_t>(m) * depth + r]),
                  bf16_value(weights[static_cast<std::size_t>(r) * columns + c]));
      }
      out[static_cast<std::size_t>(m) * columns + c] = sum;
    }
  }
}

}  // namespace

#ifdef __x86_64__
Simd best_simd() {
  static const Simd best = __builtin_cpu_supports("avx512f") ? Simd::avx512
                           : __builtin_cpu_supports("avx2")  ? Simd::avx2
                                                             : Simd::scalar;
  return best;
}
#else
Simd best_simd() {
  return Simd::scalar;
}
#endif

void systolic_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                    float* out, Simd simd) {
  if (simd > best_simd()) throw std::invalid_argument("systolic_chain: this host lacks the chosen SIMD instructions");
#ifdef __x86_64__
  if (simd == Simd::avx512) return avx512_chain(rows, count, weights, depth, columns, out);
  if (simd == Simd::avx2) return avx2_chain(rows, count, weights, depth, columns, out);
#endif
  scalar_chain(rows, count, weights, depth, columns, out);
}

void systolic_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                    float* out) {
  systolic_chain(rows, count, weights, depth, columns, out, best_simd());
}

}  // namespace triad::numerics
