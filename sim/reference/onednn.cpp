#include <omp.h>

#include <dnnl.hpp>
#include <utility>
#include <vector>

#include "sim/reference/kernels.hpp"

/// fp32 contractions by oneDNN.
namespace triad::reference {
namespace {

using dnnl::memory;
using Type = memory::data_type;
using Tag = memory::format_tag;

/// While it lives, OpenMP (which oneDNN uses) has one thread: the order of additions does not depend on the number of
/// cores, and no worker threads exist that a later fork would lose.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

/// oneDNN takes pointers to mutable memory, also for what it only reads.
memory over(const memory::desc& shape, const float* data) {
  return {shape, engine(), const_cast<float*>(data)};
}

void reorder(memory& from, memory& to, dnnl::stream& stream) {
  dnnl::reorder(from, to).execute(stream, from, to);
}

/// A value in the layout that a primitive wants.
class Laid {
 public:
  Laid(const memory::desc& plain, const memory::desc& wanted, const float* data, Pool& pool)
      : plain_(over(plain, data)), wanted_(plain_) {
    if (plain == wanted) return;
    held_ = pool.take(static_cast<std::int64_t>(wanted.get_size()));
    wanted_ = memory(wanted, engine(), held_.get());
  }
  memory& to(dnnl::stream& stream) {
    if (held_) reorder(plain_, wanted_, stream);
    return wanted_;
  }
  memory& result() { return wanted_; }
  void back(dnnl::stream& stream) {
    if (held_) reorder(wanted_, plain_, stream);
  }

 private:
  memory plain_, wanted_;
  std::shared_ptr<std::byte> held_;
};

/// The shapes of a convolution, in plain layout and in one that oneDNN chooses.
struct Shapes {
  explicit Shapes(const Convolution& c)
      : strides{c.stride[0], c.stride[1]},
        dilates{c.dilation[0] - 1, c.dilation[1] - 1},
        padding{c.padding[0], c.padding[1]},
        x_dims{c.n, c.c, c.h, c.w},
        w_dims{c.o, c.c / c.groups, c.r, c.s},
        y_dims{c.n, c.o, c.p, c.q} {
    if (c.groups > 1) w_dims = {c.groups, c.o / c.groups, c.c / c.groups, c.r, c.s};
    x = {x_dims, Type::f32, Tag::nchw};
    w = {w_dims, Type::f32, c.groups > 1 ? Tag::goihw : Tag::oihw};
    y = {y_dims, Type::f32, Tag::nchw};
    any_x = {x_dims, Type::f32, Tag::any};
    any_w = {w_dims, Type::f32, Tag::any};
    any_y = {y_dims, Type::f32, Tag::any};
  }
  memory::dims strides, dilates, padding, x_dims, w_dims, y_dims;
  memory::desc x, w, y, any_x, any_w, any_y;
};

constexpr auto direct = dnnl::algorithm::convolution_direct;

dnnl::convolution_forward::primitive_desc forward_plan(const Shapes& s) {
  return {{dnnl::prop_kind::forward_training, direct, s.any_x, s.any_w, s.any_y, s.strides, s.dilates, s.padding,
           s.padding},
          engine()};
}

/// The two halves into which work is cut for two threads. Always the same ones, so that the bits do not depend on the
/// number of threads; work that one thread does at once is not cut.
std::vector<std::pair<std::int64_t, std::int64_t>> halves(std::int64_t count, std::int64_t macs) {
  if (count < 2 || macs < (1 << 22)) return {{0, count}};
  return {{0, count / 2}, {count / 2, count}};
}

/// Calls body(half, begin, end) for the halves.
template <class Body>
void each_half(const std::vector<std::pair<std::int64_t, std::int64_t>>& parts, int threads, const Body& body) {
  in_parallel(static_cast<std::int64_t>(parts.size()), threads, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const auto& [begin, end] = parts[static_cast<std::size_t>(i)];
      body(i, begin, end);
    }
  });
}

memory::desc matrices(std::int64_t batch, std::int64_t rows, std::int64_t columns, std::int64_t stride,
                      std::int64_t line, bool transposed) {
  const memory::dims strides = transposed ? memory::dims{stride, 1, line} : memory::dims{stride, line, 1};
  return {{batch, rows, columns}, Type::f32, strides};
}

/// Rows [row, row + rows) of the product of `batch` pairs of matrices.
void multiply_rows(const Product& p, std::int64_t batch, std::int64_t row, std::int64_t rows, const float* a,
                   const float* b, float* c) {
  const OneThread one_thread;
  dnnl::stream stream(engine());
  const memory::desc left = matrices(batch, rows, p.k, p.m * p.k, p.transpose_a ? p.m : p.k, p.transpose_a),
                     right = matrices(batch, p.k, p.n, p.k * p.n, p.transpose_b ? p.k : p.n, p.transpose_b),
                     result = matrices(batch, rows, p.n, p.m * p.n, p.n, false);
  const dnnl::matmul::primitive_desc plan({left, right, result}, engine());
  dnnl::matmul(plan).execute(stream, {{DNNL_ARG_SRC, over(left, a + (p.transpose_a ? row : row * p.k))},
                                      {DNNL_ARG_WEIGHTS, over(right, b)},
                                      {DNNL_ARG_DST, over(result, c + row * p.n)}});
  stream.wait();
}

void forward(const Convolution& c, const float* x, const float* weights, float* y, Pool& pool) {
  const OneThread one_thread;
  dnnl::stream stream(engine());
  const Shapes s(c);
  const auto plan = forward_plan(s);
  Laid in(s.x, plan.src_desc(), x, pool), w(s.w, plan.weights_desc(), weights, pool),
      out(s.y, plan.dst_desc(), y, pool);
  dnnl::convolution_forward(plan).execute(
      stream, {{DNNL_ARG_SRC, in.to(stream)}, {DNNL_ARG_WEIGHTS, w.to(stream)}, {DNNL_ARG_DST, out.result()}});
  out.back(stream);
  stream.wait();
}

void input_gradient(const Convolution& c, const float* dy, const float* weights, float* dx, Pool& pool) {
  const OneThread one_thread;
  dnnl::stream stream(engine());
  const Shapes s(c);
  const dnnl::convolution_backward_data::primitive_desc plan(
      {direct, s.any_x, s.any_w, s.any_y, s.strides, s.dilates, s.padding, s.padding}, engine(), forward_plan(s));
  Laid in(s.y, plan.diff_dst_desc(), dy, pool), w(s.w, plan.weights_desc(), weights, pool),
      out(s.x, plan.diff_src_desc(), dx, pool);
  dnnl::convolution_backward_data(plan).execute(
      stream,
      {{DNNL_ARG_DIFF_DST, in.to(stream)}, {DNNL_ARG_WEIGHTS, w.to(stream)}, {DNNL_ARG_DIFF_SRC, out.result()}});
  out.back(stream);
  stream.wait();
}

void weight_gradient(const Convolution& c, const float* x, const float* dy, float* dw, Pool& pool) {
  const OneThread one_thread;
  dnnl::stream stream(engine());
  const Shapes s(c);
  const dnnl::convolution_backward_weights::primitive_desc plan(
      {direct, s.any_x, s.any_w, s.any_y, s.strides, s.dilates, s.padding, s.padding}, engine(), forward_plan(s));
  Laid in(s.x, plan.src_desc(), x, pool), gradient(s.y, plan.diff_dst_desc(), dy, pool),
      out(s.w, plan.diff_weights_desc(), dw, pool);
  dnnl::convolution_backward_weights(plan).execute(
      stream,
      {{DNNL_ARG_SRC, in.to(stream)}, {DNNL_ARG_DIFF_DST, gradient.to(stream)}, {DNNL_ARG_DIFF_WEIGHTS, out.result()}});
  out.back(stream);
  stream.wait();
}

std::int64_t macs(const Convolution& c) {
  return c.n * c.o * c.p * c.q * (c.c / c.groups) * c.r * c.s;
}

Convolution of_batch(const Convolution& c, std::int64_t batch) {
  Convolution part = c;
  part.n = batch;
  return part;
}

}  // namespace

void multiply(const Product& p, const float* a, const float* b, float* c, int threads) {
  const std::int64_t macs = p.batch * p.m * p.n * p.k;
  if (p.batch > 1) {
    each_half(halves(p.batch, macs), threads, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
      multiply_rows(p, end - begin, 0, p.m, a + begin * p.m * p.k, b + begin * p.k * p.n, c + begin * p.m * p.n);
    });
  } else {
    each_half(halves(p.m, macs), threads, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
      multiply_rows(p, 1, begin, end - begin, a, b, c);
    });
  }
}

void convolve(const Convolution& c, const float* x, const float* weights, float* y, Pool& pool, int threads) {
  each_half(halves(c.n, macs(c)), threads, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    forward(of_batch(c, end - begin), x + begin * c.c * c.h * c.w, weights, y + begin * c.o * c.p * c.q, pool);
  });
}

void convolve_dgrad(const Convolution& c, const float* dy, const float* weights, float* dx, Pool& pool, int threads) {
  each_half(halves(c.n, macs(c)), threads, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    input_gradient(of_batch(c, end - begin), dy + begin * c.o * c.p * c.q, weights, dx + begin * c.c * c.h * c.w, pool);
  });
}

void convolve_wgrad(const Convolution& c, const float* x, const float* dy, float* dw, Pool& pool, int threads) {
  const auto parts = halves(c.n, macs(c));
  const std::int64_t weights = c.o * (c.c / c.groups) * c.r * c.s;
  const std::shared_ptr<float> second = parts.size() > 1 ? pool.take_of<float>(weights) : nullptr;
  each_half(parts, threads, [&](std::int64_t half, std::int64_t begin, std::int64_t end) {
    weight_gradient(of_batch(c, end - begin), x + begin * c.c * c.h * c.w, dy + begin * c.o * c.p * c.q,
                    half == 0 ? dw : second.get(), pool);
  });
  if (second) {
    for (std::int64_t i = 0; i < weights; ++i) dw[i] += second.get()[i];
  }
}

}  // namespace triad::reference
