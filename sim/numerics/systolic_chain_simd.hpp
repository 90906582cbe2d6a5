#pragma once
#include <cstdint>

/// The SIMD forms of systolic_chain, private to this folder. The processor's own flushing (FTZ and DAZ in MXCSR) does
/// what numerics::flush says: on x86 a result is tiny after rounding, and neither a bf16 product nor an fp32 sum can
/// round up from below the smallest normal number (both are exact there), so flushing before and after rounding agree.
namespace triad::numerics {

void avx512_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns,
                  float* out);
void avx2_chain(const std::uint16_t* rows, int count, const std::uint16_t* weights, int depth, int columns, float* out);

}  // namespace triad::numerics
