#include "models/asic/units/footprint.hpp"

#include <algorithm>
#include <cstring>

namespace triad::asic {

Footprint::Footprint(const isa::Matrix& matrix, std::uint64_t address, int element_bytes, std::int64_t vector,
                     std::int64_t vectors, std::int64_t channel, std::int64_t channels)
    : matrix_(matrix),
      address_(address),
      bytes_(element_bytes),
      vector_(vector),
      vectors_(vectors),
      channel_(channel),
      channels_(channels) {
  const std::vector<Box> left = boxes_of_range(matrix.v_extent, vector, vector + vectors);
  const std::vector<Box> right = boxes_of_range(matrix.k_extent, channel, channel + channels);
  for (const Box& v : left) {
    for (const Box& k : right) add_box(v, k);
  }
  merge();
}

void Footprint::add_box(const Box& v, const Box& k) {
  struct Dimension {
    std::int64_t extent, stride;
  };
  std::vector<Dimension> dimensions;
  std::int64_t offset = 0;
  const auto dimension = [&](std::int64_t begin, std::int64_t extent, std::int64_t stride) {
    offset += begin * stride;
    if (extent > 1 && stride != 0) dimensions.push_back({extent, stride});
  };
  std::vector<std::int64_t> ys = {0};
  std::int64_t run = 1;
  for (std::size_t axis = 0; axis < (matrix_.guarded ? 1 : 3); ++axis) {
    dimension(v.begin[axis], v.extent[axis], matrix_.v_stride[axis]);
    dimension(k.begin[axis], k.extent[axis], matrix_.k_stride[axis]);
  }
  if (matrix_.guarded) {
    std::vector<std::int64_t> seen[2];
    for (std::size_t side = 0; side < 2; ++side) {
      const isa::Guard& guard = matrix_.guard[side];
      for (std::int64_t i = 0; i < v.extent[side + 1]; ++i) {
        for (std::int64_t j = 0; j < k.extent[side + 1]; ++j) {
          const std::int64_t at =
              coordinate(guard, (v.begin[side + 1] + i) * guard.v_step + (k.begin[side + 1] + j) * guard.k_step);
          if (at >= 0) seen[side].push_back(at);
        }
      }
      std::ranges::sort(seen[side]);
      seen[side].erase(std::ranges::unique(seen[side]).begin(), seen[side].end());
    }
    if (seen[0].empty() || seen[1].empty()) return;  // all of it in the padding
    ys = seen[0];
    offset += seen[1].front() * matrix_.v_stride[2];
    run = (seen[1].back() - seen[1].front()) * matrix_.v_stride[2] + 1;
  } else {
    std::ranges::sort(dimensions, {}, &Dimension::stride);
    std::size_t next = 0;
    while (next < dimensions.size() && dimensions[next].stride <= run) {
      run += (dimensions[next].extent - 1) * dimensions[next].stride;
      ++next;
    }
    dimensions.erase(dimensions.begin(), dimensions.begin() + static_cast<std::ptrdiff_t>(next));
  }
  std::vector<std::int64_t> outer(dimensions.size(), 0);
  for (;;) {
    std::int64_t place = offset;
    for (std::size_t d = 0; d < dimensions.size(); ++d) place += outer[d] * dimensions[d].stride;
    for (const std::int64_t y : ys) {
      const std::uint64_t begin =
          address_ + static_cast<std::uint64_t>((place + (matrix_.guarded ? y * matrix_.v_stride[1] : 0)) * bytes_);
      runs_.push_back({begin, begin + static_cast<std::uint64_t>(run * bytes_), 0});
    }
    std::size_t d = 0;
    while (d < dimensions.size() && ++outer[d] == dimensions[d].extent) outer[d++] = 0;
    if (d == dimensions.size()) return;
  }
}

void Footprint::merge() {
  std::ranges::sort(runs_, {}, &Run::begin);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    if (kept > 0 && runs_[i].begin <= runs_[kept - 1].end) {
      runs_[kept - 1].end = std::max(runs_[kept - 1].end, runs_[i].end);
    } else {
      runs_[kept++] = runs_[i];
    }
  }
  runs_.resize(kept);
  std::uint64_t place = 0;
  for (Run& run : runs_) {
    run.place = place;
    place += run.end - run.begin;
  }
  elements_ = static_cast<std::int64_t>(place) / bytes_;
}

std::vector<Rows> Footprint::rows() const {
  std::vector<Rows> result;
  for (const Run& run : runs_) {
    const std::uint64_t bytes = run.end - run.begin;
    if (!result.empty() && result.back().row_bytes == bytes) {
      Rows& last = result.back();
      const std::uint64_t previous =
          last.address + static_cast<std::uint64_t>(static_cast<std::int64_t>(last.rows - 1) * last.pitch);
      const auto distance = static_cast<std::int64_t>(run.begin - previous);
      if (last.rows == 1 || last.pitch == distance) {
        last.pitch = distance;
        ++last.rows;
        continue;
      }
    }
    result.push_back({run.begin, bytes, 1, 0});
  }
  return result;
}

std::size_t Footprint::find(std::uint64_t address) const {
  const auto after = std::ranges::upper_bound(runs_, address, {}, &Run::begin);
  return static_cast<std::size_t>(after - runs_.begin()) - 1;
}

void Footprint::store(std::uint64_t address, std::uint64_t bytes, const std::byte* data,
                      std::vector<std::byte>& staged) const {
  const Run& run = runs_[find(address)];
  std::memcpy(staged.data() + run.place + (address - run.begin), data, bytes);
}

std::vector<Footprint::Step> Footprint::steps(bool of_vectors, std::int64_t from, std::int64_t count) const {
  const auto& extent = of_vectors ? matrix_.v_extent : matrix_.k_extent;
  const auto& stride = of_vectors ? matrix_.v_stride : matrix_.k_stride;
  std::vector<Step> result(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t number = from + i;
    const std::int64_t x = number % extent[2], y = number / extent[2] % extent[1],
                       plain = number / extent[2] / extent[1];
    Step& step = result[static_cast<std::size_t>(i)];
    if (matrix_.guarded) {
      const auto by = [&](const isa::Guard& guard) { return of_vectors ? guard.v_step : guard.k_step; };
      step = {plain * stride[0], y * by(matrix_.guard[0]), x * by(matrix_.guard[1])};
    } else {
      step = {plain * stride[0] + y * stride[1] + x * stride[2], 0, 0};
    }
  }
  return result;
}

}  // namespace triad::asic
