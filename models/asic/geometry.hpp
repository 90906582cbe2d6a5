#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "models/asic/isa/descriptor.hpp"

/// Parts of iteration spaces, and where they lie in memory.
namespace triad::asic {

using Index = std::array<std::int64_t, isa::most_axes>;

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// [begin, begin + extent) along each axis.
struct Box {
  int rank = 0;
  Index begin{}, extent{};
  std::int64_t points() const;
};

/// Cuts a box into boxes, in row-major order.
class Cutter {
 public:
  Cutter() = default;
  /// Into boxes of at most `most` points: whole inner axes as far as they fit, a part of the next one, one index of the
  /// others.
  Cutter(const Box& box, std::int64_t most);
  /// Into boxes of at most these extents.
  Cutter(const Box& box, const Index& extents);
  bool done() const { return done_; }
  Box next();

 private:
  Box whole_;
  Index size_{}, at_{};
  bool done_ = true;
};

/// The boxes that together are the indices [from, to) of a row-major space, in order.
std::vector<Box> boxes_of_range(std::span<const std::int64_t> extents, std::int64_t from, std::int64_t to);

/// A run of bytes that a memory request moves, or several of one length a pitch apart.
struct Rows {
  std::uint64_t address = 0, row_bytes = 0, rows = 1;
  std::int64_t pitch = 0;
};

/// Where the elements of a box lie, in row-major order without the axes of stride 0.
std::vector<Rows> rows_of_box(std::uint64_t address, int element_bytes, const Box& box,
                              std::span<const std::int64_t> strides);

/// Bytes of memory that the elements of a whole space of these extents lie in: the end of the last one.
std::uint64_t span_bytes(std::span<const isa::Axis> axes, const isa::Stream& stream);

}  // namespace triad::asic
