#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace triad::memory::scratchpad {

/// The words that one access asks of each bank at once. A word that several lanes name is read once and goes to all of
/// them (broadcast), or is written once.
template <std::size_t most_words, std::size_t most_banks>
class BankLoad {
 public:
  /// Lane asks for `word`, which lies in `bank`. At most `most_words` different ones. True: nobody asked for it before.
  bool add(std::uint64_t word, std::size_t bank) {
    std::uint16_t& n = of_bank_[bank];
    const auto end = words_.begin() + static_cast<std::ptrdiff_t>(count_);
    // A bank that was asked for nothing cannot hold this word: only the others need a search.
    if (n > 0 && std::find(words_.begin(), end, word) != end) return false;
    words_[count_++] = word;
    most_ = std::max<int>(most_, ++n);
    return true;
  }
  /// The most words that one bank has to deliver.
  int most() const { return most_; }
  /// Different words.
  std::size_t words() const { return count_; }

 private:
  std::array<std::uint64_t, most_words> words_;
  std::array<std::uint16_t, most_banks> of_bank_{};
  std::size_t count_ = 0;
  int most_ = 0;
};

}  // namespace triad::memory::scratchpad
