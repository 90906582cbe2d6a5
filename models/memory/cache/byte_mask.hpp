#pragma once
#include <array>
#include <bit>
#include <cstdint>

namespace triad::memory::cache {

/// A bit for each byte of a line, the first byte's the lowest.
class ByteMask {
 public:
  static constexpr std::uint64_t most_bytes = 256;

  /// Sets the bits [begin, end).
  void set(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t word = begin / 64; word * 64 < end; ++word) words_[word] |= within(word, begin, end);
  }
  void clear(std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t word = begin / 64; word * 64 < end; ++word) words_[word] &= ~within(word, begin, end);
  }
  /// Are all of [begin, end) set?
  bool covers(std::uint64_t begin, std::uint64_t end) const {
    for (std::uint64_t word = begin / 64; word * 64 < end; ++word) {
      if ((within(word, begin, end) & ~words_[word]) != 0) return false;
    }
    return true;
  }
  bool any() const { return (words_[0] | words_[1] | words_[2] | words_[3]) != 0; }
  /// Of the lowest bit that is set, and one past the last that follows without a gap. Only when any() is.
  std::uint64_t first() const {
    std::uint64_t word = 0;
    while (words_[word] == 0) ++word;
    return word * 64 + static_cast<std::uint64_t>(std::countr_zero(words_[word]));
  }
  std::uint64_t end_of_run(std::uint64_t begin) const {
    std::uint64_t end = begin;
    while (end < most_bytes) {
      const auto ones = static_cast<std::uint64_t>(std::countr_one(words_[end / 64] >> end % 64));
      end += ones;
      if (ones == 0 || end % 64 != 0) break;  // the run ends within its word
    }
    return end;
  }

 private:
  /// The bits of [begin, end) that lie in a word.
  static std::uint64_t within(std::uint64_t word, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t low = begin > word * 64 ? begin - word * 64 : 0;
    const std::uint64_t high = end < word * 64 + 64 ? end - word * 64 : 64;
    if (low >= high) return 0;
    return (high == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << high) - 1) & ~((std::uint64_t{1} << low) - 1);
  }
  std::array<std::uint64_t, most_bytes / 64> words_{};
};

}  // namespace triad::memory::cache
