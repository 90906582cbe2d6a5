// Pooling over the last two axes of [planes, h, w] to [planes, p, q]: a thread per element of the result. Order: by
// row, then column, of the window (the gradients: of the tap that reads the element).
#include "convolution.h"

#define WINDOW_PARAMETERS                                                                                        \
  int planes, int h, int w, int p, int q, int kernel_h, int kernel_w, int stride_h, int stride_w, int padding_h, \
      int padding_w, unsigned plane_factor, unsigned plane_shift, unsigned row_factor, unsigned row_shift,       \
      unsigned sh_factor, unsigned sh_shift, unsigned sw_factor, unsigned sw_shift
#define WINDOW                                                                                                     \
  Window {                                                                                                         \
    planes, h, w, p, q, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w, {plane_factor, plane_shift}, \
        {row_factor, row_shift}, {sh_factor, sh_shift}, {                                                          \
      sw_factor, sw_shift                                                                                          \
    }                                                                                                              \
  }

struct Window {
  int planes, h, w, p, q, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w;
  Divisor by_plane, by_row;  ///< of the result: p * q and q, of a gradient h * w and w
  Divisor by_stride_h, by_stride_w;

  /// Elements of a window that lie in the plane.
  __device__ __forceinline__ int inside(int up, int left) const {
    const int y = up * stride_h - padding_h, x = left * stride_w - padding_w;
    const int top = y > 0 ? y : 0, near = x > 0 ? x : 0;
    const int bottom = y + kernel_h < h ? y + kernel_h : h, far = x + kernel_w < w ? x + kernel_w : w;
    return (bottom - top) * (far - near);
  }
};

/// The largest element and its place in the plane, row * w + column; the first of several, and the first NaN.
extern "C" __global__ void max_pool(const float* input, float* out, float* argument, WINDOW_PARAMETERS) {
  const Window v = WINDOW;
  const int i = thread_number();
  if (i >= planes * p * q) return;
  const Place at = place_of(i, v.by_plane, p * q, v.by_row, q);
  const int begin = at.outer * h * w;
  float best = 0.0f;
  int place = -1;
  for (int y = 0; y < kernel_h; ++y)
    for (int x = 0; x < kernel_w; ++x) {
      const int row = at.row * stride_h - padding_h + y, column = at.column * stride_w - padding_w + x;
      const bool inside = within(row, h) & within(column, w);
      const int from = inside ? row * w + column : 0;
      const float value = input[begin + from];
      const bool better = (place < 0) | (value > best) | ((value != value) & (best == best));
      const bool take = inside & better;
      best = take ? value : best;
      place = take ? from : place;
    }
  out[i] = best;
  argument[i] = static_cast<float>(place);
}

extern "C" __global__ void average_pool(const float* input, float* out, WINDOW_PARAMETERS, int include_padding) {
  const Window v = WINDOW;
  const int i = thread_number();
  if (i >= planes * p * q) return;
  const Place at = place_of(i, v.by_plane, p * q, v.by_row, q);
  const int begin = at.outer * h * w;
  float sum = 0.0f;
  for (int y = 0; y < kernel_h; ++y)
    for (int x = 0; x < kernel_w; ++x) {
      const int row = at.row * stride_h - padding_h + y, column = at.column * stride_w - padding_w + x;
      const bool inside = within(row, h) & within(column, w);
      const float value = input[begin + (inside ? row * w + column : 0)];
      sum = sum + (inside ? value : 0.0f);
    }
  const int size = include_padding != 0 ? kernel_h * kernel_w : v.inside(at.row, at.column);
  out[i] = divide(sum, static_cast<float>(size));
}

/// Calls add(window, its row, its column, exists) for every window that may read the element (row, column).
template <class F>
__device__ __forceinline__ void for_each_window(const Window& v, const Place& at, F&& add) {
  for (int y = 0; y < v.kernel_h; ++y)
    for (int x = 0; x < v.kernel_w; ++x) {
      const int row = at.row + v.padding_h - y, column = at.column + v.padding_w - x;
      const int up = v.by_stride_h.quotient(row > 0 ? row : 0), left = v.by_stride_w.quotient(column > 0 ? column : 0);
      const bool exists = (up * v.stride_h == row) & (left * v.stride_w == column) & (up < v.p) & (left < v.q);
      add(exists ? up : 0, exists ? left : 0, exists);
    }
}

extern "C" __global__ void max_pool_grad(const float* argument, const float* gradient, float* out, WINDOW_PARAMETERS) {
  const Window v = WINDOW;
  const int i = thread_number();
  if (i >= planes * h * w) return;
  const Place at = place_of(i, v.by_plane, h * w, v.by_row, w);
  const float own = static_cast<float>(at.row * w + at.column);
  float sum = 0.0f;
  for_each_window(v, at, [&](int up, int left, bool exists) {
    const int window = (at.outer * p + up) * q + left;
    const float value = gradient[window], place = argument[window];
    sum = sum + ((exists & (place == own)) ? value : 0.0f);
  });
  out[i] = sum;
}

extern "C" __global__ void average_pool_grad(const float* gradient, float* out, WINDOW_PARAMETERS,
                                             int include_padding) {
  const Window v = WINDOW;
  const int i = thread_number();
  if (i >= planes * h * w) return;
  const Place at = place_of(i, v.by_plane, h * w, v.by_row, w);
  float sum = 0.0f;
  for_each_window(v, at, [&](int up, int left, bool exists) {
    const int size = include_padding != 0 ? kernel_h * kernel_w : v.inside(up, left);
    const float share = divide(gradient[(at.outer * p + up) * q + left], static_cast<float>(size));
    sum = sum + (exists ? share : 0.0f);
  });
  out[i] = sum;
}
