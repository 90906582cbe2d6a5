#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "models/asic/parameters.hpp"
#include "models/kit/unit.hpp"

namespace triad::asic {

using kit::Cycle;

/// The convolution buffer: banks that hold vectors of bf16 channels, a line of atomic_c channels wide. A loader takes
/// the banks of a tile, writes lines into them, and the sequencer gives them back when the array has read the tile for
/// the last time. Every line carries the cycle from which it is valid.
class Buffer {
 public:
  explicit Buffer(const Parameters& parameters);

  /// From which cycle on all these banks are free; Unit::never while the sequencer has not said.
  Cycle free_at(int bank, int banks) const;
  /// Marks the banks as taken and what they hold as not valid.
  void take(int bank, int banks);
  void release(int bank, int banks, Cycle from);

  /// First word of a bank's line area, words in these banks.
  std::size_t begin(int bank) const { return static_cast<std::size_t>(bank) * words_per_bank_; }
  std::size_t words(int banks) const { return static_cast<std::size_t>(banks) * words_per_bank_; }
  int line_words() const { return line_words_; }
  int banks() const { return static_cast<int>(free_.size()); }

  std::uint16_t* at(std::size_t word) { return words_.data() + word; }
  const std::uint16_t* at(std::size_t word) const { return words_.data() + word; }
  /// The line at this word is valid from `cycle` on.
  void valid_from(std::size_t word, Cycle cycle);
  Cycle valid_from(std::size_t word) const { return valid_[word / static_cast<std::size_t>(line_words_)]; }

 private:
  int line_words_;
  std::size_t words_per_bank_;
  std::vector<std::uint16_t> words_;
  std::vector<Cycle> valid_;  ///< by line
  std::vector<Cycle> free_;   ///< by bank; never: taken
};

/// Where a tile lies in its banks: vector v, part p, channel c at begin + ((p * vectors + v) * depth) + c, with the
/// depth padded to whole lines.
struct TilePlace {
  std::size_t begin = 0;
  std::int64_t vectors = 0, padded_depth = 0;
  std::size_t word(std::int64_t vector, int part, std::int64_t channel) const {
    return begin + static_cast<std::size_t>((part * vectors + vector) * padded_depth + channel);
  }
};

}  // namespace triad::asic
