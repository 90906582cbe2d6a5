#include "models/asic/geometry.hpp"

#include <algorithm>

namespace triad::asic {

namespace {
std::size_t at(int axis) {
  return static_cast<std::size_t>(axis);
}
}  // namespace

std::int64_t Box::points() const {
  std::int64_t product = 1;
  for (int axis = 0; axis < rank; ++axis) product *= extent[at(axis)];
  return product;
}

Cutter::Cutter(const Box& box, std::int64_t most) : whole_(box), at_(box.begin), done_(false) {
  std::int64_t inner = 1;
  size_.fill(1);
  for (int axis = box.rank; axis-- > 0;) {
    size_[at(axis)] = std::clamp<std::int64_t>(most / inner, 1, box.extent[at(axis)]);
    inner *= box.extent[at(axis)];
    if (size_[at(axis)] < box.extent[at(axis)]) break;
  }
}

Cutter::Cutter(const Box& box, const Index& extents) : whole_(box), size_(extents), at_(box.begin), done_(false) {}

Box Cutter::next() {
  Box box = whole_;
  for (int axis = 0; axis < whole_.rank; ++axis) {
    const std::int64_t end = whole_.begin[at(axis)] + whole_.extent[at(axis)];
    box.begin[at(axis)] = at_[at(axis)];
    box.extent[at(axis)] = std::min(size_[at(axis)], end - at_[at(axis)]);
  }
  done_ = true;
  for (int axis = whole_.rank; axis-- > 0;) {
    at_[at(axis)] += size_[at(axis)];
    if (at_[at(axis)] < whole_.begin[at(axis)] + whole_.extent[at(axis)]) {
      done_ = false;
      break;
    }
    at_[at(axis)] = whole_.begin[at(axis)];
  }
  return box;
}

std::vector<Box> boxes_of_range(std::span<const std::int64_t> extents, std::int64_t from, std::int64_t to) {
  std::vector<Box> boxes;
  const int rank = static_cast<int>(extents.size());
  while (from < to) {
    // The largest block of whole inner axes that begins here and ends in time, then as many of them as there are.
    std::int64_t block = 1;
    int axis = rank;
    while (axis > 0 && from % (block * extents[at(axis - 1)]) == 0 && from + block * extents[at(axis - 1)] <= to) {
      block *= extents[at(--axis)];
    }
    Box box;
    box.rank = rank;
    std::int64_t rest = from, count = 1;
    for (int a = rank; a-- > 0; rest /= extents[at(a)]) {
      box.begin[at(a)] = rest % extents[at(a)];
      box.extent[at(a)] = a >= axis ? extents[at(a)] : 1;
    }
    if (axis > 0) {
      count = std::min((to - from) / block, extents[at(axis - 1)] - box.begin[at(axis - 1)]);
      box.extent[at(axis - 1)] = count;
    }
    boxes.push_back(box);
    from += block * count;
  }
  return boxes;
}

std::vector<Rows> rows_of_box(std::uint64_t address, int element_bytes, const Box& box,
                              std::span<const std::int64_t> strides) {
  struct Dimension {
    std::int64_t extent, stride;
  };
  std::array<Dimension, isa::most_axes> inner_first;
  int count = 0;
  std::int64_t offset = 0;
  for (int axis = box.rank; axis-- > 0;) {
    const std::int64_t stride = strides[at(axis)];
    offset += box.begin[at(axis)] * stride;
    if (stride != 0 && box.extent[at(axis)] > 1) inner_first[at(count++)] = {box.extent[at(axis)], stride};
  }
  std::stable_sort(inner_first.begin(), inner_first.begin() + count,
                   [](const Dimension& a, const Dimension& b) { return a.stride < b.stride; });
  std::int64_t run = 1, rows = 1, pitch = 0;
  int next = 0;
  while (next < count && inner_first[at(next)].stride == run) run *= inner_first[at(next++)].extent;
  if (next < count) {
    rows = inner_first[at(next)].extent;
    pitch = inner_first[at(next++)].stride;
    while (next < count && inner_first[at(next)].stride == rows * pitch) rows *= inner_first[at(next++)].extent;
  }
  std::vector<Rows> result;
  Index outer{};
  for (;;) {
    std::int64_t place = offset;
    for (int d = next; d < count; ++d) place += outer[at(d)] * inner_first[at(d)].stride;
    result.push_back({address + static_cast<std::uint64_t>(place * element_bytes),
                      static_cast<std::uint64_t>(run * element_bytes), static_cast<std::uint64_t>(rows),
                      pitch * element_bytes});
    int d = next;
    while (d < count && ++outer[at(d)] == inner_first[at(d)].extent) outer[at(d++)] = 0;
    if (d == count) return result;
  }
}

Index dense_strides(const Box& box, std::span<const std::int64_t> strides) {
  Index dense{};
  std::vector<int> axes;
  for (int axis = box.rank; axis-- > 0;) {
    if (strides[at(axis)] != 0 && box.extent[at(axis)] > 1) axes.push_back(axis);
  }
  std::ranges::stable_sort(axes, {}, [&](int axis) { return strides[at(axis)]; });
  std::int64_t stride = 1;
  for (const int axis : axes) {
    dense[at(axis)] = stride;
    stride *= box.extent[at(axis)];
  }
  return dense;
}

std::int64_t overlap(const isa::Window& window, std::size_t axis) {
  return ceil_div(window.kernel[axis], window.stride[axis]);
}

std::int64_t line_bytes_of(const isa::Window& window) {
  return overlap(window, 0) * window.out_width * 8;
}

}  // namespace triad::asic
