#pragma once
#include <bit>
#include <cstdint>
#include <vector>

namespace triad::memory::crossbar {

/// A set of small numbers as bits, walked in ascending order:
///
///     for (int p = set.next(0); p >= 0; p = set.next(p + 1))
class PortSet {
 public:
  explicit PortSet(int ports) : words_((static_cast<std::size_t>(ports) + 63) / 64) {}
  void insert(int port) { word(port) |= bit(port); }
  void erase(int port) { word(port) &= ~bit(port); }
  bool contains(int port) const { return (words_[static_cast<std::size_t>(port) / 64] & bit(port)) != 0; }
  /// The first member from `from` on, or -1.
  int next(int from) const {
    return first_from(from, [this](std::size_t w) { return words_[w]; });
  }
  /// The first member of both sets from `from` on; before it, if there is none; or -1.
  int next_of_both(const PortSet& other, int from) const {
    const auto both = [&](std::size_t w) { return words_[w] & other.words_[w]; };
    const int found = first_from(from, both);
    return found >= 0 || from == 0 ? found : first_from(0, both);
  }

 private:
  static std::uint64_t bit(int port) { return std::uint64_t{1} << (port % 64); }
  std::uint64_t& word(int port) { return words_[static_cast<std::size_t>(port) / 64]; }
  template <class Word>
  int first_from(int from, const Word& word_at) const {
    auto w = static_cast<std::size_t>(from) / 64;
    if (w >= words_.size()) return -1;
    std::uint64_t bits = word_at(w) & (~std::uint64_t{0} << (from % 64));
    while (bits == 0) {
      if (++w == words_.size()) return -1;
      bits = word_at(w);
    }
    return static_cast<int>(w * 64) + std::countr_zero(bits);
  }

  std::vector<std::uint64_t> words_;
};

}  // namespace triad::memory::crossbar
