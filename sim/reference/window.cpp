#include <algorithm>
#include <stdexcept>
#include <vector>

#include "sim/reference/kernels.hpp"

namespace triad::reference {
namespace {

using graph::OpKind;

/// The windows over one plane of h x w elements.
struct Windows {
  std::int64_t planes, h, w, p, q, kernel[2], stride[2], padding[2];

  struct Window {
    std::int64_t row, row_end, column, column_end;  ///< the part inside the plane
    std::int64_t size() const { return (row_end - row) * (column_end - column); }
  };
  Window at(std::int64_t y, std::int64_t x) const {
    const std::int64_t row = y * stride[0] - padding[0], column = x * stride[1] - padding[1];
    return {std::max<std::int64_t>(row, 0), std::min(row + kernel[0], h), std::max<std::int64_t>(column, 0),
            std::min(column + kernel[1], w)};
  }
};

Windows windows_of(const graph::Op& op, const graph::Shape& whole, const graph::Shape& pooled) {
  const auto &kernel = op.integers("kernel"), &stride = op.integers("stride"), &padding = op.integers("padding");
  return {
      whole[0] * whole[1],     whole[2], whole[3], pooled[2], pooled[3], {kernel[0], kernel[1]}, {stride[0], stride[1]},
      {padding[0], padding[1]}};
}

void max_pool(const Windows& v, const float* x, float* y, float* argument) {
  for (std::int64_t plane = 0; plane < v.planes; ++plane, x += v.h * v.w) {
    for (std::int64_t p = 0; p < v.p; ++p) {
      for (std::int64_t q = 0; q < v.q; ++q) {
        const Windows::Window window = v.at(p, q);
        std::int64_t best = window.row * v.w + window.column;
        for (std::int64_t row = window.row; row < window.row_end; ++row) {
          for (std::int64_t place = row * v.w + window.column; place < row * v.w + window.column_end; ++place) {
            // The first NaN stays, as in PyTorch.
            if (x[place] > x[best] || (x[place] != x[place] && x[best] == x[best])) best = place;
          }
        }
        *y++ = x[best];
        *argument++ = static_cast<float>(best);
      }
    }
  }
}

void average_pool(const Windows& v, bool include_padding, const float* x, float* y) {
  for (std::int64_t plane = 0; plane < v.planes; ++plane, x += v.h * v.w) {
    for (std::int64_t p = 0; p < v.p; ++p) {
      for (std::int64_t q = 0; q < v.q; ++q) {
        const Windows::Window window = v.at(p, q);
        double sum = 0;
        for (std::int64_t row = window.row; row < window.row_end; ++row) {
          for (std::int64_t place = row * v.w + window.column; place < row * v.w + window.column_end; ++place) {
            sum += x[place];
          }
        }
        *y++ =
            static_cast<float>(sum / static_cast<double>(include_padding ? v.kernel[0] * v.kernel[1] : window.size()));
      }
    }
  }
}

/// Calls add(sums of the plane, p, q) for every window, then rounds the sums.
template <class Add>
void gradient(const Windows& v, float* dx, const Add& add) {
  std::vector<double> sums(static_cast<std::size_t>(v.h * v.w));
  for (std::int64_t plane = 0; plane < v.planes; ++plane, dx += v.h * v.w) {
    std::ranges::fill(sums, 0.0);
    for (std::int64_t p = 0; p < v.p; ++p) {
      for (std::int64_t q = 0; q < v.q; ++q) add(sums, p, q);
    }
    for (std::size_t i = 0; i < sums.size(); ++i) dx[i] = static_cast<float>(sums[i]);
  }
}

}  // namespace

void execute_window(const graph::Graph& graph, const graph::Op& op, std::span<const Source> operands,
                    std::span<const Target> results) {
  const graph::Shape &from = graph.tensor(op.inputs[0]).shape, &to = graph.tensor(op.outputs[0]).shape;
  switch (op.kind) {
    case OpKind::max_pool:
      return max_pool(windows_of(op, from, to), operands[0].floats(), results[0].floats(), results[1].floats());
    case OpKind::average_pool:
      return average_pool(windows_of(op, from, to), op.flag("include_padding"), operands[0].floats(),
                          results[0].floats());
    case OpKind::max_pool_grad: {
      const float *argument = operands[0].floats(), *dy = operands[1].floats();
      return gradient(windows_of(op, to, from), results[0].floats(),
                      [&](std::vector<double>& sums, std::int64_t, std::int64_t) {
                        sums[static_cast<std::size_t>(*argument++)] += *dy++;
                      });
    }
    case OpKind::average_pool_grad: {
      const Windows v = windows_of(op, to, from);
      const bool include_padding = op.flag("include_padding");
      const float* dy = operands[0].floats();
      return gradient(v, results[0].floats(), [&](std::vector<double>& sums, std::int64_t p, std::int64_t q) {
        const Windows::Window window = v.at(p, q);
        const double share = *dy++ / static_cast<double>(include_padding ? v.kernel[0] * v.kernel[1] : window.size());
        for (std::int64_t row = window.row; row < window.row_end; ++row) {
          for (std::int64_t column = window.column; column < window.column_end; ++column) {
            sums[static_cast<std::size_t>(row * v.w + column)] += share;
          }
        }
      });
    }
    default:
      throw std::logic_error(op.name + ": no window op");
  }
}

}  // namespace triad::reference
