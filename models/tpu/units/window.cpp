#include "models/tpu/units/window.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace triad::tpu {

using graph::OpKind;
using numerics::canonical;

void write_planes(kit::Scratchpad& vmem, const PlanesResult& result) {
  const auto floats = static_cast<std::size_t>(result.place.rows * result.place.width);
  for (std::int64_t plane = 0; plane < result.planes; ++plane) {
    const auto p = static_cast<std::size_t>(plane);
    std::memcpy(vmem.at(result.place.address + p * result.place.pitch), result.values.data() + p * floats, 4 * floats);
  }
}

namespace {

/// Rows of one plane.
class Plane {
 public:
  Plane(const kit::Scratchpad& vmem, const Planes& planes, std::int64_t plane)
      : base_(vmem.at(planes.address + static_cast<std::uint64_t>(plane) * planes.pitch)), planes_(planes) {}
  float at(std::int64_t row, std::int64_t column) const {
    float value;
    std::memcpy(&value, base_ + 4 * ((row - planes_.first) * planes_.width + column), sizeof value);
    return value;
  }

 private:
  const std::byte* base_;
  const Planes& planes_;
};

struct Interval {
  std::int64_t begin, end;
};

/// The elements of window `w`, along an axis.
Interval elements_of(const Window& i, int axis, std::int64_t w) {
  const std::int64_t begin = w * i.stride[axis] - i.padding[axis], extent = axis == 0 ? i.height : i.width;
  return {std::max<std::int64_t>(begin, 0), std::min(begin + i.kernel[axis], extent)};
}

/// The windows in which element `x` lies, along an axis.
Interval windows_of(const Window& i, int axis, std::int64_t x) {
  const std::int64_t last = x + i.padding[axis], first = last - i.kernel[axis] + 1;
  const std::int64_t extent = axis == 0 ? i.pooled_height : i.pooled_width;
  return {first <= 0 ? 0 : (first + i.stride[axis] - 1) / i.stride[axis], std::min(last / i.stride[axis] + 1, extent)};
}

/// 1 / what an average divides by; nn.AvgPool2d with count_include_pad counts the padding, but nothing beyond it.
float share(const Window& i, std::int64_t p, std::int64_t q) {
  std::int64_t size = 1;
  for (int axis = 0; axis < 2; ++axis) {
    const std::int64_t w = axis == 0 ? p : q;
    const Interval inside = elements_of(i, axis, w);
    size *= i.include_padding ? i.kernel[axis] : inside.end - inside.begin;
  }
  return 1.0f / static_cast<float>(size);
}

}  // namespace

std::vector<PlanesResult> evaluate(const Window& i, const kit::Scratchpad& vmem) {
  std::vector<PlanesResult> results;
  for (const Planes& place : i.outputs) {
    results.push_back({place, i.planes, {}});
    results.back().values.reserve(static_cast<std::size_t>(i.planes * place.rows * place.width));
  }
  const Planes& out = i.outputs[0];
  for (std::int64_t plane = 0; plane < i.planes; ++plane) {
    const Plane first(vmem, i.inputs[0], plane), second(vmem, i.inputs.back(), plane);
    for (std::int64_t row = out.first; row < out.first + out.rows; ++row) {
      for (std::int64_t column = 0; column < out.width; ++column) {
        const bool gradient = i.kind == OpKind::max_pool_grad || i.kind == OpKind::average_pool_grad;
        const Interval rows = gradient ? windows_of(i, 0, row) : elements_of(i, 0, row);
        const Interval columns = gradient ? windows_of(i, 1, column) : elements_of(i, 1, column);
        float value = i.kind == OpKind::max_pool ? -std::numeric_limits<float>::infinity() : 0.0f;
        std::int64_t place = -1;
        for (std::int64_t y = rows.begin; y < rows.end; ++y) {
          for (std::int64_t x = columns.begin; x < columns.end; ++x) {
            const float element = first.at(y, x);
            switch (i.kind) {
              case OpKind::max_pool:
                if (place < 0 || element > value || (element != element && value == value)) {
                  value = element;
                  place = y * i.width + x;
                }
                break;
              case OpKind::max_pool_grad:
                if (element == static_cast<float>(row * i.width + column)) value += second.at(y, x);
                break;
              case OpKind::average_pool:
                value += element;
                break;
              default:
                value += element * share(i, y, x);
            }
          }
        }
        if (i.kind == OpKind::average_pool) value *= share(i, row, column);
        results[0].values.push_back(canonical(value));
        if (i.kind == OpKind::max_pool) results[1].values.push_back(static_cast<float>(place));
      }
    }
  }
  return results;
}

}  // namespace triad::tpu
