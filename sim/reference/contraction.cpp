#include <algorithm>
#include <array>
#include <stdexcept>

#include "sim/reference/kernels.hpp"
#include "sim/reference/vector_functions.hpp"

namespace triad::reference {
namespace {

using graph::OpKind;
using graph::Shape;
using numerics::Format;

/// An fp32 operand where it lies, any other widened.
class Widened {
 public:
  Widened(Source source, std::int64_t elements, Pool& pool) : data_(source.floats()) {
    if (source.format == Format::fp32) return;
    held_ = pool.take_of<float>(elements);
    widen(source, elements, held_.get());
    data_ = held_.get();
  }
  const float* data() const { return data_; }

 private:
  std::shared_ptr<float> held_;
  const float* data_;
};

Product product_of(const graph::Op& op, const Shape& a, const Shape& b) {
  Product p;
  p.transpose_a = op.flag("transpose_a");
  p.transpose_b = op.flag("transpose_b");
  const std::size_t rank = a.size();
  p.m = a[rank - (p.transpose_a ? 1 : 2)];
  p.k = a[rank - (p.transpose_a ? 2 : 1)];
  p.n = b[rank - (p.transpose_b ? 2 : 1)];
  for (std::size_t axis = 0; axis + 2 < rank; ++axis) p.batch *= a[axis];
  return p;
}

/// From the shapes of x, the weights and y, of which the op has two and makes the third.
Convolution convolution_of(const graph::Op& op, const Shape& x, const Shape& w, const Shape& y) {
  const auto &stride = op.integers("stride"), &padding = op.integers("padding"), &dilation = op.integers("dilation");
  return {x[0],
          x[1],
          x[2],
          x[3],
          w[0],
          w[2],
          w[3],
          y[2],
          y[3],
          op.integer("groups"),
          {stride[0], stride[1]},
          {padding[0], padding[1]},
          {dilation[0], dilation[1]}};
}

/// How many products of two int8 numbers can be added in fp32 exactly, in any order: 128 * 128 * 1024 = 2^24.
constexpr std::int64_t exact_products = 1024;

/// C = A B in exact integers: fp32 products of slices of k that fp32 adds exactly, their sums modulo 2^32.
void multiply_integers(const Product& p, const std::int8_t* a, const std::int8_t* b, std::int32_t* c, Pool& pool) {
  const std::int64_t step = std::min(p.k, exact_products);
  const auto left = pool.take_of<float>(p.m * step), right = pool.take_of<float>(step * p.n),
             partial = pool.take_of<float>(p.m * p.n);
  std::fill_n(c, p.batch * p.m * p.n, 0);
  for (std::int64_t batch = 0; batch < p.batch; ++batch, a += p.m * p.k, b += p.k * p.n, c += p.m * p.n) {
    for (std::int64_t first = 0; first < p.k; first += step) {
      const std::int64_t k = std::min(step, p.k - first);
      // Both slices row-major: [m, k] and [k, n].
      for (std::int64_t i = 0; i < p.m; ++i) {
        for (std::int64_t j = 0; j < k; ++j) {
          left.get()[i * k + j] = a[p.transpose_a ? (first + j) * p.m + i : i * p.k + first + j];
        }
      }
      for (std::int64_t i = 0; i < k; ++i) {
        for (std::int64_t j = 0; j < p.n; ++j) {
          right.get()[i * p.n + j] = b[p.transpose_b ? j * p.k + first + i : (first + i) * p.n + j];
        }
      }
      multiply({1, p.m, p.n, k, false, false}, left.get(), right.get(), partial.get());
      for (std::int64_t i = 0; i < p.m * p.n; ++i) {
        c[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(c[i]) +
                                         static_cast<std::uint32_t>(static_cast<std::int32_t>(partial.get()[i])));
      }
    }
  }
}

/// The convolution in exact integers, by slices of channels that fp32 adds exactly.
void convolve_integers(const Convolution& c, const std::int8_t* x, const std::int8_t* w, std::int32_t* y, Pool& pool) {
  const std::int64_t per_group = c.c / c.groups, taps = c.r * c.s, plane = c.h * c.w;
  const std::int64_t step = std::min(per_group, exact_products / taps);
  if (step == 0) {
    throw std::invalid_argument("the reference convolves int8 with kernels of at most 1024 elements");
  }
  const std::int64_t results = c.n * c.o * c.p * c.q;
  const auto in = pool.take_of<float>(c.n * c.groups * step * plane), weights = pool.take_of<float>(c.o * step * taps),
             partial = pool.take_of<float>(results);
  std::fill_n(y, results, 0);
  for (std::int64_t first = 0; first < per_group; first += step) {
    const std::int64_t channels = std::min(step, per_group - first);
    float* to = in.get();
    for (std::int64_t group = 0; group < c.n * c.groups; ++group) {
      const std::int8_t* const from = x + (group * per_group + first) * plane;
      to = std::copy(from, from + channels * plane, to);
    }
    to = weights.get();
    for (std::int64_t o = 0; o < c.o; ++o) {
      const std::int8_t* const from = w + (o * per_group + first) * taps;
      to = std::copy(from, from + channels * taps, to);
    }
    Convolution slice = c;
    slice.c = c.groups * channels;
    convolve(slice, in.get(), weights.get(), partial.get(), pool);
    for (std::int64_t i = 0; i < results; ++i) {
      y[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(y[i]) +
                                       static_cast<std::uint32_t>(static_cast<std::int32_t>(partial.get()[i])));
    }
  }
}

/// The gradients by definition: visit(index of x, of w, of y) for every product.
template <class Visit>
void every_product(const Convolution& c, const Visit& visit) {
  const std::int64_t channels = c.c / c.groups, kernels = c.o / c.groups;
  for (std::int64_t n = 0; n < c.n; ++n) {
    for (std::int64_t o = 0; o < c.o; ++o) {
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        const std::int64_t x_plane = (n * c.c + o / kernels * channels + channel) * c.h;
        for (std::int64_t p = 0; p < c.p; ++p) {
          for (std::int64_t r = 0; r < c.r; ++r) {
            const std::int64_t row = p * c.stride[0] + r * c.dilation[0] - c.padding[0];
            if (row < 0 || row >= c.h) continue;
            for (std::int64_t q = 0; q < c.q; ++q) {
              for (std::int64_t s = 0; s < c.s; ++s) {
                const std::int64_t column = q * c.stride[1] + s * c.dilation[1] - c.padding[1];
                if (column < 0 || column >= c.w) continue;
                visit((x_plane + row) * c.w + column, ((o * channels + channel) * c.r + r) * c.s + s,
                      ((n * c.o + o) * c.p + p) * c.q + q);
              }
            }
          }
        }
      }
    }
  }
}

void integers(OpKind kind, const Convolution& c, const std::int8_t* a, const std::int8_t* b, std::int32_t* result,
              Pool& pool) {
  if (kind == OpKind::conv2d) return convolve_integers(c, a, b, result, pool);
  const bool to_x = kind == OpKind::conv2d_dgrad;
  auto* const sums = reinterpret_cast<std::uint32_t*>(result);
  std::fill_n(sums, to_x ? c.n * c.c * c.h * c.w : c.o * (c.c / c.groups) * c.r * c.s, 0u);
  every_product(c, [&](std::int64_t x, std::int64_t w, std::int64_t y) {
    if (to_x) {
      sums[x] += static_cast<std::uint32_t>(a[y] * b[w]);
    } else {
      sums[w] += static_cast<std::uint32_t>(a[x] * b[y]);
    }
  });
}

}  // namespace

void widen(Source source, std::int64_t elements, float* result) {
  read(source, 0, 1, static_cast<std::size_t>(elements), result);
}

void execute_contraction(const graph::Graph& graph, const graph::Op& op, Source a, Source b, Target result, Pool& pool,
                         int threads) {
  const graph::Tensor &left = graph.tensor(op.inputs[0]), &right = graph.tensor(op.inputs[1]);
  const bool integer = a.format == Format::int8;
  const auto* const a8 = reinterpret_cast<const std::int8_t*>(a.data);
  const auto* const b8 = reinterpret_cast<const std::int8_t*>(b.data);
  auto* const sums = reinterpret_cast<std::int32_t*>(result.data);
  if (op.kind == OpKind::matmul) {
    const Product product = product_of(op, left.shape, right.shape);
    if (integer) return multiply_integers(product, a8, b8, sums, pool);
    const Widened x(a, graph::elements(left.shape), pool), y(b, graph::elements(right.shape), pool);
    return multiply(product, x.data(), y.data(), result.floats(), threads);
  }
  const std::array<graph::Tensor, 2> operands = {left, right};
  const Shape made = graph::definition(op.kind).infer(operands, op.attributes)[0].shape;
  const Convolution c = op.kind == OpKind::conv2d         ? convolution_of(op, left.shape, right.shape, made)
                        : op.kind == OpKind::conv2d_dgrad ? convolution_of(op, made, right.shape, left.shape)
                                                          : convolution_of(op, left.shape, made, right.shape);
  if (integer) return integers(op.kind, c, a8, b8, sums, pool);
  const Widened x(a, graph::elements(left.shape), pool), y(b, graph::elements(right.shape), pool);
  const auto compute = op.kind == OpKind::conv2d         ? convolve
                       : op.kind == OpKind::conv2d_dgrad ? convolve_dgrad
                                                         : convolve_wgrad;
  compute(c, x.data(), y.data(), result.floats(), pool, threads);
}

}  // namespace triad::reference
