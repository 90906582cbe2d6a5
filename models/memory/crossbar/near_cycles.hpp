#pragma once
#include <bit>
#include <cstdint>
#include <vector>

#include "models/kit/clock.hpp"

namespace triad::memory {

/// The cycles of the near future in which there is something to do, as a ring of bits: none is noted further ahead
/// than `reach`, so noting and finding cost a bit and a word.
class NearCycles {
 public:
  explicit NearCycles(kit::Cycle reach) : words_(std::bit_ceil(static_cast<std::size_t>(reach / 64 + 2))) {}
  /// A cycle after the one that was done last, at most `reach` after it.
  void note(kit::Cycle cycle) { word(cycle) |= bit(cycle); }
  /// Cycle `now` is done. None that was noted is left out.
  void done(kit::Cycle now) {
    word(now) &= ~bit(now);
    next_ = now + 1;
  }
  /// The first cycle noted, or ~0.
  kit::Cycle next() const {
    kit::Cycle c = next_;
    for (std::size_t w = 0; w <= words_.size(); ++w, c = (c / 64 + 1) * 64) {
      const std::uint64_t bits = words_[c / 64 & (words_.size() - 1)] >> (c % 64);
      if (bits != 0) return c + static_cast<kit::Cycle>(std::countr_zero(bits));
    }
    return ~kit::Cycle{0};
  }

 private:
  static std::uint64_t bit(kit::Cycle cycle) { return std::uint64_t{1} << (cycle % 64); }
  std::uint64_t& word(kit::Cycle cycle) { return words_[cycle / 64 & (words_.size() - 1)]; }
  std::vector<std::uint64_t> words_;
  kit::Cycle next_ = 0;
};

}  // namespace triad::memory
