#include <omp.h>

#include <dnnl.hpp>

#include "sim/reference/kernels.hpp"

namespace triad::reference {
namespace {

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

dnnl::memory::desc matrix(std::int64_t rows, std::int64_t columns, bool transposed) {
  const dnnl::memory::dims strides = transposed ? dnnl::memory::dims{1, rows} : dnnl::memory::dims{columns, 1};
  return {{rows, columns}, dnnl::memory::data_type::f32, strides};
}

}  // namespace

void multiply(const std::vector<float>& a, bool transpose_a, const std::vector<float>& b, bool transpose_b,
              std::vector<float>& c, std::int64_t m, std::int64_t n, std::int64_t k) {
  const OneThread one_thread;
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  static dnnl::stream stream(engine);
  const dnnl::memory::desc a_shape = matrix(m, k, transpose_a), b_shape = matrix(k, n, transpose_b),
                           c_shape = matrix(m, n, false);
  const dnnl::matmul::primitive_desc plan({a_shape, b_shape, c_shape}, engine);
  c.resize(static_cast<std::size_t>(m * n));
  // oneDNN takes pointers to mutable memory, also for what it only reads.
  dnnl::memory left(a_shape, engine, const_cast<float*>(a.data()));
  dnnl::memory right(b_shape, engine, const_cast<float*>(b.data()));
  dnnl::memory product(c_shape, engine, c.data());
  dnnl::matmul(plan).execute(stream, {{DNNL_ARG_SRC, left}, {DNNL_ARG_WEIGHTS, right}, {DNNL_ARG_DST, product}});
  stream.wait();
}

}  // namespace triad::reference
