#include "models/asic/units/pooling_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "models/asic/units/words.hpp"
#include "sim/numerics/format.hpp"

namespace triad::asic {

using activity::State;
using Kind = isa::Window::Kind;
using numerics::canonical;

namespace {
std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}
}  // namespace

PoolingEngine::PoolingEngine(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                             Scoreboard& scoreboard, MemoryInterface& memory, activity::Recorder& recorder,
                             const activity::Technology& technology)
    : StreamEngine(name, clock, isa::Engine::pooling, parameters, parameters.pooling, scoreboard, memory),
      track_(recorder, static_cast<const char*>(name), clock, activity::Resource::compute),
      add_action_(track_.add_action("add_fp32", technology.picojoules("add_fp32"))),
      compare_action_(track_.add_action("compare", technology.picojoules("add_int32"))),
      stream_action_(track_.add_action(
          "stream_bytes", technology.sram_picojoules_per_byte(static_cast<double>(parameters.pooling.stream_bytes)))) {}

void PoolingEngine::begin(const Layer& layer) {
  const isa::Descriptor& d = *layer.descriptor;
  window_ = d.window;
  const isa::Window& w = window_;
  gradient_ = w.kind == Kind::maximum_gradient || w.kind == Kind::average_gradient;
  const std::size_t operands = w.kind == Kind::maximum_gradient ? 2 : 1, outs = w.kind == Kind::maximum ? 2 : 1;
  if (d.operands.size() != operands || d.results.size() != outs) fault(layer, "operands or results are missing");
  if (std::min({w.planes, w.height, w.width, w.out_height, w.out_width, w.kernel[0], w.kernel[1], w.stride[0],
                w.stride[1]}) < 1) {
    fault(layer, "an empty window");
  }
  if (static_cast<std::uint64_t>(line_bytes_of(w)) > own_.operand_bytes) {
    fault(layer,
          fmt::format("{} B of unfinished rows, the line buffer holds {} B", line_bytes_of(w), own_.operand_bytes));
  }
  in_height_ = gradient_ ? w.out_height : w.height, in_width_ = gradient_ ? w.out_width : w.width;
  out_height_ = gradient_ ? w.height : w.out_height, out_width_ = gradient_ ? w.width : w.out_width;
  const auto burst = static_cast<std::int64_t>(parameters_.burst_bytes / 4);
  planes_ = std::clamp<std::int64_t>(burst / (out_height_ * out_width_), 1, w.planes);
  plane_ = row_ = read_ = 0;
  held_ = -1;
  images_.assign(operands, {});
}

/// Rows of what is read that these rows of the result need.
std::pair<std::int64_t, std::int64_t> PoolingEngine::needed(std::int64_t row, std::int64_t rows) const {
  const std::int64_t stride = window_.stride[0], padding = window_.padding[0], kernel = window_.kernel[0];
  if (!gradient_) {
    return {std::max<std::int64_t>(0, row * stride - padding),
            std::min(in_height_, (row + rows - 1) * stride - padding + kernel)};
  }
  const std::int64_t before = row + padding - kernel + 1;
  return {before <= 0 ? 0 : ceil_div(before, stride), std::min(in_height_, (row + rows - 1 + padding) / stride + 1)};
}

std::unique_ptr<Chunk> PoolingEngine::next(const Layer& layer) {
  const isa::Descriptor& d = *layer.descriptor;
  if (plane_ >= window_.planes) return nullptr;
  auto part = std::make_unique<Part>();
  const auto burst = static_cast<std::int64_t>(parameters_.burst_bytes / 4);
  part->plane = plane_;
  part->planes = std::min(planes_, window_.planes - plane_);
  part->row = row_;
  part->rows = planes_ > 1 ? out_height_ : std::clamp<std::int64_t>(burst / out_width_, 1, out_height_ - row_);
  const auto [from, to] = needed(part->row, part->rows);
  part->first = std::max(from, read_);
  part->last = std::max(part->first, to);
  read_ = part->last;
  if (part->last > part->first) {
    for (const isa::Stream& operand : d.operands) {
      const auto bytes = static_cast<std::uint64_t>(isa::bytes_of(operand.storage));
      const std::uint64_t row_bytes = static_cast<std::uint64_t>(in_width_) * bytes;
      const auto offset = static_cast<std::uint64_t>(plane_ * in_height_ + part->first);
      const auto rows = static_cast<std::uint64_t>(part->last - part->first);
      std::vector<memory::Request> requests;
      request(requests,
              {{layer.address(operand.address) + offset * row_bytes, rows * row_bytes,
                static_cast<std::uint64_t>(part->planes), in_height_ * static_cast<std::int64_t>(row_bytes)}},
              false, layer);
      part->reads.push_back(std::move(requests));
    }
  }
  const std::int64_t elements = part->planes * part->rows * out_width_;
  const std::int64_t each =
      gradient_ ? overlap(window_, 0) * overlap(window_, 1) : window_.kernel[0] * window_.kernel[1];
  part->cycles = static_cast<Cycle>(ceil_div(elements * each, own_.lanes));
  row_ += part->rows;
  if (row_ == out_height_) {
    row_ = read_ = 0;
    plane_ += part->planes;
  }
  return part;
}

void PoolingEngine::fetch(const Part& part) {
  if (held_ != part.plane) {
    held_ = part.plane;
    for (auto& image : images_) image.assign(at(part.planes * in_height_ * in_width_), 0.0f);
  }
  for (std::size_t o = 0; o < part.operands.size(); ++o) {
    const std::vector<float> words = words_of(part.operands[o], isa::Storage::fp32);
    const std::int64_t rows = (part.last - part.first) * in_width_;
    for (std::int64_t plane = 0; plane < part.planes; ++plane) {
      std::copy_n(words.begin() + plane * rows, rows,
                  images_[o].begin() + (plane * in_height_ + part.first) * in_width_);
    }
  }
}

float PoolingEngine::divisor(std::int64_t row, std::int64_t column) const {
  if (window_.include_padding) return static_cast<float>(window_.kernel[0] * window_.kernel[1]);
  const auto inside = [&](std::int64_t index, std::size_t axis, std::int64_t extent) {
    const std::int64_t begin = index * window_.stride[axis] - window_.padding[axis];
    return std::min(extent, begin + window_.kernel[axis]) - std::max<std::int64_t>(0, begin);
  };
  return static_cast<float>(inside(row, 0, window_.height) * inside(column, 1, window_.width));
}

void PoolingEngine::forward(std::int64_t plane, std::int64_t row, std::int64_t column,
                            std::vector<std::vector<float>>& out) const {
  const std::int64_t top = row * window_.stride[0] - window_.padding[0],
                     left = column * window_.stride[1] - window_.padding[1];
  float most = -std::numeric_limits<float>::infinity(), sum = 0;
  std::int64_t place = -1;
  for (std::int64_t y = std::max<std::int64_t>(0, top); y < std::min(in_height_, top + window_.kernel[0]); ++y) {
    for (std::int64_t x = std::max<std::int64_t>(0, left); x < std::min(in_width_, left + window_.kernel[1]); ++x) {
      const float value = images_[0][at((plane * in_height_ + y) * in_width_ + x)];
      sum += value;
      if (place < 0 || value > most || value != value) {
        if (most == most) most = value, place = y * in_width_ + x;  // the first NaN stays
      }
    }
  }
  if (window_.kind == Kind::maximum) {
    out[0].push_back(canonical(most));
    out[1].push_back(static_cast<float>(place));
  } else {
    out[0].push_back(canonical(sum / divisor(row, column)));
  }
}

float PoolingEngine::backward(std::int64_t plane, std::int64_t row, std::int64_t column) const {
  const auto windows = [&](std::int64_t index, std::size_t axis, std::int64_t extent) {
    const std::int64_t before = index + window_.padding[axis] - window_.kernel[axis] + 1;
    return std::pair{before <= 0 ? 0 : ceil_div(before, window_.stride[axis]),
                     std::min(extent, (index + window_.padding[axis]) / window_.stride[axis] + 1)};
  };
  const auto [top, bottom] = windows(row, 0, in_height_);
  const auto [left, right] = windows(column, 1, in_width_);
  float sum = 0;
  for (std::int64_t p = top; p < bottom; ++p) {
    for (std::int64_t q = left; q < right; ++q) {
      const std::size_t i = at((plane * in_height_ + p) * in_width_ + q);
      if (window_.kind == Kind::average_gradient) {
        sum += images_[0][i] / divisor(p, q);
      } else if (images_[0][i] == static_cast<float>(row * out_width_ + column)) {
        sum += images_[1][i];
      }
    }
  }
  return canonical(sum);
}

std::vector<std::vector<float>> PoolingEngine::results(const Part& part) const {
  std::vector<std::vector<float>> out(window_.kind == Kind::maximum ? 2 : 1);
  for (std::int64_t plane = 0; plane < part.planes; ++plane) {
    for (std::int64_t row = part.row; row < part.row + part.rows; ++row) {
      for (std::int64_t column = 0; column < out_width_; ++column) {
        if (gradient_) {
          out[0].push_back(backward(plane, row, column));
        } else {
          forward(plane, row, column, out);
        }
      }
    }
  }
  return out;
}

std::vector<Write> PoolingEngine::compute(const Layer& layer, Chunk& chunk) {
  const Part& part = static_cast<const Part&>(chunk);
  std::vector<std::vector<float>> out;
  if (values()) {
    fetch(part);
    out = results(part);
  }
  std::vector<Write> writes;
  const std::int64_t row_bytes = out_width_ * 4;
  const auto rows = static_cast<std::uint64_t>(part.planes * part.rows);
  for (std::size_t r = 0; r < layer.descriptor->results.size(); ++r) {
    Write write;
    const auto offset = static_cast<std::uint64_t>((part.plane * out_height_ + part.row) * row_bytes);
    request(write.requests,
            {{layer.address(layer.descriptor->results[r].address) + offset,
              rows * static_cast<std::uint64_t>(row_bytes), 1, 0}},
            true, layer);
    if (values()) write.data = bytes_of(out[r], isa::Storage::fp32);
    writes.push_back(std::move(write));
  }
  return writes;
}

void PoolingEngine::record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) {
  const Part& part = static_cast<const Part&>(chunk);
  track_.state(State::memory, {}, waited, begin);
  track_.state(State::busy, layer.tag(), begin, end);
  const std::int64_t elements = part.planes * part.rows * out_width_;
  const std::int64_t each =
      gradient_ ? overlap(window_, 0) * overlap(window_, 1) : window_.kernel[0] * window_.kernel[1];
  const bool adds = window_.kind != Kind::maximum;
  track_.count(adds ? add_action_ : compare_action_, static_cast<std::uint64_t>(elements * each), begin, end);
  const std::int64_t read = part.planes * (part.last - part.first) * in_width_;
  track_.count(stream_action_,
               static_cast<std::uint64_t>(4 * (read * static_cast<std::int64_t>(layer.descriptor->operands.size()) +
                                               elements * static_cast<std::int64_t>(layer.descriptor->results.size()))),
               begin, end);
  track_.work(static_cast<std::uint64_t>(elements * each));
}

}  // namespace triad::asic
