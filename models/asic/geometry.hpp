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

/// Where the elements of a box lie, each once (axes of stride 0 apart), in the order of memory: the axis of the least
/// stride runs fastest.
std::vector<Rows> rows_of_box(std::uint64_t address, int element_bytes, const Box& box,
                              std::span<const std::int64_t> strides);

/// By axis, how far apart neighbours are in an array that holds the elements of a box in the order of rows_of_box.
Index dense_strides(const Box& box, std::span<const std::int64_t> strides);

/// Calls run(index, point) for every run of a box along its last axis, in row-major order: the index of its first point
/// and how many points came before.
template <class Run>
void for_runs(const Box& box, Run run) {
  Index index = box.begin;
  const int last = box.rank - 1;
  const std::int64_t length = box.extent[static_cast<std::size_t>(last)], points = box.points();
  for (std::int64_t point = 0; point < points; point += length) {
    run(index, point);
    for (int axis = last; axis-- > 0;) {
      const auto a = static_cast<std::size_t>(axis);
      if (++index[a] < box.begin[a] + box.extent[a]) break;
      index[a] = box.begin[a];
    }
  }
}

/// Windows that hold one element, along an axis, at the most.
std::int64_t overlap(const isa::Window& window, std::size_t axis);
/// Bytes of line buffer that pooling needs: the unfinished rows, a value and a place for each element.
std::int64_t line_bytes_of(const isa::Window& window);

}  // namespace triad::asic
