#include "sim/workload/random.hpp"

namespace triad::workload {
namespace {

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

Random::Random(std::uint64_t seed, std::string_view stream) : key_(mix(seed) ^ fnv1a(stream)) {}

float Random::uniform(std::uint64_t index) const {
  const std::uint64_t bits = mix(key_ + (index + 1) * 0x9e3779b97f4a7c15u);
  return static_cast<float>(bits >> 40) * 0x1p-23f - 1.0f;
}

std::vector<float> Random::uniform(std::size_t count, float bound) const {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = uniform(i) * bound;
  return values;
}

}  // namespace triad::workload
