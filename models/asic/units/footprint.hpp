#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/asic/geometry.hpp"

namespace triad::asic {

/// What a tile of an operand needs of memory: every byte once, however many vectors see it.
class Footprint {
 public:
  /// Vectors [vector, vector + vectors) and channels [channel, channel + channels) of the matrix that begins at
  /// `address`.
  Footprint(const isa::Matrix& matrix, std::uint64_t address, int element_bytes, std::int64_t vector,
            std::int64_t vectors, std::int64_t channel, std::int64_t channels);

  /// Rows of memory in ascending order, without overlap; equal ones at equal distances together.
  std::vector<Rows> rows() const;
  std::int64_t elements() const { return elements_; }
  /// Where `bytes` of memory from this address on belong in `staged`.
  void store(std::uint64_t address, std::uint64_t bytes, const std::byte* data, std::vector<std::byte>& staged) const;
  /// Calls take(vector, channel, element) for every element of the tile that is inside the image (the others are
  /// zero): its numbers within the tile and its bytes in `staged`.
  template <class Take>
  void expand(const std::vector<std::byte>& staged, Take take) const;

 private:
  struct Run {
    std::uint64_t begin, end;
    std::uint64_t place;  ///< of its first byte among all
  };
  struct Step {
    std::int64_t offset, y, x;  ///< elements; coordinates before offset and divisor
  };
  void add_box(const Box& vectors, const Box& channels);
  std::vector<Step> steps(bool of_vectors, std::int64_t from, std::int64_t count) const;
  std::size_t find(std::uint64_t address) const;
  void merge();

  const isa::Matrix& matrix_;
  std::uint64_t address_;
  std::int64_t bytes_, vector_, vectors_, channel_, channels_;
  std::int64_t elements_ = 0;
  std::vector<Run> runs_;
};

/// The coordinate before offset and divisor -> inside the image; -1 where it is not.
inline std::int64_t coordinate(const isa::Guard& guard, std::int64_t sum) {
  sum += guard.offset;
  if (sum < 0 || sum % guard.divisor != 0 || sum / guard.divisor >= guard.extent) return -1;
  return sum / guard.divisor;
}

template <class Take>
void Footprint::expand(const std::vector<std::byte>& staged, Take take) const {
  const std::vector<Step> of_vectors = steps(true, vector_, vectors_), of_channels = steps(false, channel_, channels_);
  std::size_t run = 0;
  for (std::int64_t c = 0; c < channels_; ++c) {
    const Step& right = of_channels[static_cast<std::size_t>(c)];
    for (std::int64_t v = 0; v < vectors_; ++v) {
      const Step& left = of_vectors[static_cast<std::size_t>(v)];
      std::int64_t offset = left.offset + right.offset;
      if (matrix_.guarded) {
        const std::int64_t y = coordinate(matrix_.guard[0], left.y + right.y);
        const std::int64_t x = y < 0 ? -1 : coordinate(matrix_.guard[1], left.x + right.x);
        if (x < 0) continue;
        offset += y * matrix_.v_stride[1] + x * matrix_.v_stride[2];
      }
      const std::uint64_t at = address_ + static_cast<std::uint64_t>(offset * bytes_);
      if (at < runs_[run].begin || at >= runs_[run].end) run = find(at);
      take(v, c, staged.data() + runs_[run].place + (at - runs_[run].begin));
    }
  }
}

}  // namespace triad::asic
