#pragma once
#include <cstdint>

/// Random numbers of the graph (dropout), a function of (seed, step, index) and of nothing else, so that every device
/// draws the same ones, in whatever order it comes to them. 32-bit arithmetic only: a device's integer unit makes them.
namespace triad::numerics {

/// A 32-bit mixing function: "lowbias32" of Chris Wellons, "Prospecting for Hash Functions", 2018 (public domain).
inline std::uint32_t mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

/// Uniform in [0, 1), a multiple of 2^-24: the upper 24 bits of mix(index + mix(step + mix(seed))), modulo 2^32.
inline float uniform(std::uint32_t seed, std::uint32_t step, std::uint32_t index) {
  return static_cast<float>(mix(index + mix(step + mix(seed))) >> 8) * 0x1p-24f;
}

}  // namespace triad::numerics
