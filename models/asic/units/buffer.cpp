#include "models/asic/units/buffer.hpp"

#include <algorithm>

namespace triad::asic {

Buffer::Buffer(const Parameters& parameters)
    : line_words_(parameters.gemm.atomic_c),
      words_per_bank_(parameters.gemm.bank_bytes / 2 / static_cast<std::size_t>(line_words_) *
                      static_cast<std::size_t>(line_words_)),
      words_(words_per_bank_ * static_cast<std::size_t>(parameters.gemm.banks)),
      valid_(words_.size() / static_cast<std::size_t>(line_words_), kit::Unit::never),
      free_(static_cast<std::size_t>(parameters.gemm.banks), 0) {}

Cycle Buffer::free_at(int bank, int banks) const {
  return *std::max_element(free_.begin() + bank, free_.begin() + bank + banks);
}

void Buffer::take(int bank, int banks) {
  std::fill_n(free_.begin() + bank, banks, kit::Unit::never);
  const std::size_t line = static_cast<std::size_t>(line_words_);
  std::fill_n(valid_.begin() + static_cast<std::ptrdiff_t>(begin(bank) / line), words(banks) / line, kit::Unit::never);
}

void Buffer::release(int bank, int banks, Cycle from) {
  std::fill_n(free_.begin() + bank, banks, from);
}

void Buffer::valid_from(std::size_t word, Cycle cycle) {
  valid_[word / static_cast<std::size_t>(line_words_)] = cycle;
}

}  // namespace triad::asic
