#pragma once
#include <array>

#include "models/kit/scratchpad.hpp"
#include "models/tpu/isa.hpp"

/// Boxes of elements in on-chip memory.
namespace triad::tpu {

using graph::Shape;

/// Visits lines of a box: calls visit(offsets, n) for every index of all axes but the last one that `axes` names, with
/// the offset of each of several strided views; `n` is the last axis' extent.
class Lines {
 public:
  Lines(const Shape& extents, std::uint32_t axes) {
    for (std::size_t axis = 0; axis < extents.size(); ++axis) {
      if (axes >> axis & 1) axes_.push_back(axis);
    }
    if (!axes_.empty()) {
      last_ = axes_.back();
      length_ = extents[last_];
      axes_.pop_back();
    }
    for (const std::size_t axis : axes_) extents_.push_back(extents[axis]);
  }
  std::int64_t length() const { return length_; }
  std::int64_t step(const std::vector<std::int64_t>& strides) const { return last_ == none ? 0 : strides[last_]; }

  template <std::size_t n, class Visit>
  void visit(const std::array<const std::vector<std::int64_t>*, n>& views, Visit visit) const {
    std::array<std::int64_t, n> at{};
    std::vector<std::int64_t> index(axes_.size(), 0);
    for (;;) {
      visit(at);
      std::size_t d = axes_.size();
      for (;;) {
        if (d == 0) return;
        --d;
        for (std::size_t v = 0; v < n; ++v) at[v] += (*views[v])[axes_[d]];
        if (++index[d] < extents_[d]) break;
        for (std::size_t v = 0; v < n; ++v) at[v] -= extents_[d] * (*views[v])[axes_[d]];
        index[d] = 0;
      }
    }
  }

 private:
  static constexpr std::size_t none = ~std::size_t{0};
  std::vector<std::size_t> axes_;
  Shape extents_;
  std::size_t last_ = none;
  std::int64_t length_ = 1;
};

/// Axes with a stride: bit i for axis i.
std::uint32_t varying(const std::vector<std::int64_t>& strides);
/// Strides of a row-major array over some axes, 0 along the others.
std::vector<std::int64_t> dense(const Shape& extents, std::uint32_t axes);
/// Points over some axes.
std::size_t points(const Shape& extents, std::uint32_t axes);

/// The elements of a box on chip as fp32, row-major over the axes along which its strides are not 0: bf16 widened, int8
/// and int32 converted.
std::vector<float> read_box(const kit::Scratchpad& vmem, const Place& place, const Shape& extents);

/// A result of an instruction, before it is written: the elements of a box in its format, row-major over the axes along
/// which its strides are not 0.
struct BoxResult {
  Place place;
  Shape extents;
  std::vector<float> values;
};
void write_box(kit::Scratchpad& vmem, const BoxResult& result);

}  // namespace triad::tpu
