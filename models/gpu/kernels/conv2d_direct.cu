// Convolutions of groups with few channels (depthwise), where tiles of a matrix product would be mostly empty: a thread
// per element of y or dx, a block per element of dw. Order: a chain of fused multiply-adds from 0, by channel, then
// tap.
#include "convolution.h"

/// Columns of the problem are (n, row, column) of the result, `inner` its channels and taps.
template <class Problem, class Stored>
__device__ __forceinline__ void direct(const Problem& problem, const Stored* __restrict__ first,
                                       const Stored* __restrict__ second, float* __restrict__ out, int group, int row,
                                       Place at, int channels) {
  float sum = 0.0f;
  for (int channel = 0; channel < channels; ++channel)
    for (int y = 0; y < problem.r; ++y)
      for (int x = 0; x < problem.s; ++x) {
        const Place inner{channel, y, x};
        bool inside = true;
        const int from = problem.second(group, at, inner, inside);
        const int k = (channel * problem.r + y) * problem.s + x;
        const float value = value_of(second[inside ? from : 0]);
        sum = multiply_add(value_of(first[problem.first(group, row, k, inner)]), inside ? value : 0.0f, sum);
      }
  out[problem.result(group, row, 0, at)] = sum;
}

template <class Stored>
__device__ __forceinline__ void forward(const Forward& f, const Stored* weights, const Stored* x, float* y) {
  const int i = thread_number();
  if (i >= f.n * f.o * f.p * f.q) return;
  const Place plane = place_of(i, f.by_pq, f.p * f.q, f.by_q, f.q);  // outer: (n, o)
  const int image = f.by_o.quotient(plane.outer);
  const int channel = plane.outer - image * f.o, group = f.by_own_o.quotient(channel);
  direct(f, weights, x, y, group, channel - group * f.own_o, {image, plane.row, plane.column}, f.own_c);
}

template <class Stored>
__device__ __forceinline__ void data_gradient(const DataGradient& f, const Stored* weights, const Stored* dy,
                                              float* dx) {
  const int i = thread_number();
  if (i >= f.n * f.c * f.h * f.w) return;
  const Place plane = place_of(i, f.by_hw, f.h * f.w, f.by_w, f.w);  // outer: (n, c)
  const int image = f.by_c.quotient(plane.outer);
  const int channel = plane.outer - image * f.c, group = f.by_own_c.quotient(channel);
  direct(f, weights, dy, dx, group, channel - group * f.own_c, {image, plane.row, plane.column}, f.own_o);
}

/// A block per element of dw: thread t of 256 adds places t, t + 256, ... of (n, p, q) in order, then by halves.
template <class Stored>
__device__ __forceinline__ void weight_gradient(const WeightGradient& f, const Stored* __restrict__ dy,
                                                const Stored* __restrict__ x, float* __restrict__ dw) {
  __shared__ float partial[256];
  const int element = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const Place plane = place_of(element, f.by_rs, f.r * f.s, f.by_s, f.s);  // outer: (o, own c)
  const int channel = f.by_own_c.quotient(plane.outer), group = f.by_own_o.quotient(channel);
  const Place at{plane.outer - channel * f.own_c, plane.row, plane.column};
  float sum = 0.0f;
  const int end = f.inner();
  for (int k = thread; k < end; k += 256) {
    const Place inner = f.inner(k);
    bool inside = true;
    const int from = f.second(group, at, inner, inside);
    const float value = value_of(x[inside ? from : 0]);
    const float gradient = value_of(dy[f.first(group, channel - group * f.own_o, k, inner)]);
    sum = multiply_add(gradient, inside ? value : 0.0f, sum);
  }
  partial[thread] = sum;
  __syncthreads();
#pragma unroll
  for (int half = 128; half > 0; half /= 2) {
    if (thread < half) partial[thread] = partial[thread] + partial[thread + half];
    __syncthreads();
  }
  if (thread == 0) dw[element] = partial[0];
}

#define DIRECT(name, function, Problem, format, Stored)                                                    \
  extern "C" __global__ void name##_direct_##format(const Stored* first, const Stored* second, float* out, \
                                                    CONVOLUTION_PARAMETERS) {                              \
    function(Problem{CONVOLUTION}, first, second, out);                                                    \
  }
#define DIRECTS(format, Stored)                                     \
  DIRECT(conv2d, forward, Forward, format, Stored)                  \
  DIRECT(conv2d_dgrad, data_gradient, DataGradient, format, Stored) \
  DIRECT(conv2d_wgrad, weight_gradient, WeightGradient, format, Stored)
DIRECTS(fp32, float)
DIRECTS(bf16, BFloat)
DIRECTS(fp16, Half)
