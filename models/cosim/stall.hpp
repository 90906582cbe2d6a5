#pragma once
#include <cstdint>

/// Pseudo-random back-pressure for tests: the same in the model, in the RTL twin's driver and in every rerun.
namespace triad::cosim {

/// Which cycles of which port are stalled: a pure function of (seed, port, cycle). 0 percent: never.
/// A stalled source port does not raise valid in that cycle (once high, valid holds); a stalled sink port is not ready.
struct Stalls {
  std::uint64_t seed = 0;
  int percent = 0;  ///< of all cycles, 0..90

  bool stalled(int port, std::uint64_t cycle) const {
    if (percent == 0) return false;
    // SplitMix64's finaliser (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
    std::uint64_t z = seed * 0x9e3779b97f4a7c15u + static_cast<std::uint64_t>(port) * 0xd1b54a32d192ed03u + cycle;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return z % 100 < static_cast<std::uint64_t>(percent);
  }

  /// The first cycle >= `cycle` in which the port is not stalled.
  std::uint64_t first_free(int port, std::uint64_t cycle) const {
    while (stalled(port, cycle)) ++cycle;
    return cycle;
  }
};

}  // namespace triad::cosim
