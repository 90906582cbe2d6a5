#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

/// Random numbers that can be stated: value i of a stream is a function of (seed, stream, i) and of nothing else.
///
///     value(i) = mix(mix(seed) XOR fnv1a(stream) + (i + 1) * 0x9e3779b97f4a7c15)       all modulo 2^64
///
/// mix: the output function of SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA
/// 2014, constants of Vigna's splitmix64.c); fnv1a: 64-bit FNV-1a of the stream's name (Fowler, Noll, Vo). The upper 24
/// bits make a multiple of 2^-23 in [-1, 1), exact in fp32. tests/golden/make.py states the same in Python.
namespace triad::workload {

class Random {
 public:
  Random(std::uint64_t seed, std::string_view stream);
  /// Value i, uniform in [-1, 1).
  float uniform(std::uint64_t index) const;
  /// Values 0 to count - 1, uniform in [-bound, bound): each one fp32 product.
  std::vector<float> uniform(std::size_t count, float bound) const;

 private:
  std::uint64_t key_;
};

}  // namespace triad::workload
