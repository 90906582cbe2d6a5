// Convolutions: out = sum of products over an inner index k, as a product of matrices of which at least one is gathered
// from an image (implicit GEMM). Shapes: x [N, C, H, W], w [O, C / groups, R, S], y [N, O, P, Q].
#pragma once
#include "cuda.h"

/// Parameters of every convolution kernel behind its addresses. own_c, own_o: channels of a group. by_ab: divides by a
/// * b (kernels/cuda.h).
#define CONVOLUTION_PARAMETERS                                                                                         \
  int n, int c, int h, int w, int o, int p, int q, int r, int s, int stride_h, int stride_w, int padding_h,            \
      int padding_w, int dilation_h, int dilation_w, int own_c, int own_o, unsigned rs_factor, unsigned rs_shift,      \
      unsigned s_factor, unsigned s_shift, unsigned pq_factor, unsigned pq_shift, unsigned q_factor, unsigned q_shift, \
      unsigned hw_factor, unsigned hw_shift, unsigned w_factor, unsigned w_shift, unsigned sh_factor,                  \
      unsigned sh_shift, unsigned sw_factor, unsigned sw_shift, unsigned c_factor, unsigned c_shift,                   \
      unsigned o_factor, unsigned o_shift, unsigned own_c_factor, unsigned own_c_shift, unsigned own_o_factor,         \
      unsigned own_o_shift
#define CONVOLUTION                                                                                                    \
  Convolution {                                                                                                        \
    n, c, h, w, o, p, q, r, s, stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w, own_c, own_o,         \
        {rs_factor, rs_shift}, {s_factor, s_shift}, {pq_factor, pq_shift}, {q_factor, q_shift}, {hw_factor, hw_shift}, \
        {w_factor, w_shift}, {sh_factor, sh_shift}, {sw_factor, sw_shift}, {c_factor, c_shift}, {o_factor, o_shift},   \
        {own_c_factor, own_c_shift}, {                                                                                 \
      own_o_factor, own_o_shift                                                                                        \
    }                                                                                                                  \
  }

struct Convolution {
  int n, c, h, w, o, p, q, r, s, stride_h, stride_w, padding_h, padding_w, dilation_h, dilation_w, own_c, own_o;
  Divisor by_rs, by_s, by_pq, by_q, by_hw, by_w, by_stride_h, by_stride_w, by_c, by_o, by_own_c, by_own_o;
};

/// An index taken apart: outer * (rows * columns) + row * columns + column.
struct Place {
  int outer, row, column;
};
__device__ __forceinline__ Place place_of(int index, Divisor by_plane, int plane, Divisor by_columns, int columns) {
  const int outer = by_plane.quotient(index), rest = index - outer * plane;
  const int row = by_columns.quotient(rest);
  return {outer, row, rest - row * columns};
}

/// Is 0 <= i < n?
__device__ __forceinline__ bool within(int i, int n) {
  return static_cast<unsigned>(i) < static_cast<unsigned>(n);
}

/// y of one group: rows are its output channels, columns (n, p, q), inner (c, r, s).
struct Forward : Convolution {
  static constexpr bool inner_first = false;  ///< neighbouring threads gather neighbouring columns
  __device__ __forceinline__ int rows() const { return own_o; }
  __device__ __forceinline__ int columns() const { return n * p * q; }
  __device__ __forceinline__ int inner() const { return own_c * r * s; }
  __device__ __forceinline__ Place column(int i) const { return place_of(i, by_pq, p * q, by_q, q); }
  __device__ __forceinline__ Place inner(int k) const { return place_of(k, by_rs, r * s, by_s, s); }
  /// Element of the first operand, w.
  __device__ __forceinline__ int first(int group, int row, int k, Place) const {
    return (group * own_o + row) * (own_c * r * s) + k;
  }
  /// Element of the second one, x; `inside` is cleared in the padding.
  __device__ __forceinline__ int second(int group, Place at, Place k, bool& inside) const {
    const int y = at.row * stride_h - padding_h + k.row * dilation_h;
    const int z = at.column * stride_w - padding_w + k.column * dilation_w;
    inside = inside & within(y, h) & within(z, w);
    return ((at.outer * c + group * own_c + k.outer) * h + y) * w + z;
  }
  __device__ __forceinline__ int result(int group, int row, int, Place at) const {
    return ((at.outer * o + group * own_o + row) * p + at.row) * q + at.column;
  }
};

/// dx of one group: rows are its input channels, columns (n, h, w), inner (o, r, s).
struct DataGradient : Convolution {
  static constexpr bool inner_first = false;
  __device__ __forceinline__ int rows() const { return own_c; }
  __device__ __forceinline__ int columns() const { return n * h * w; }
  __device__ __forceinline__ int inner() const { return own_o * r * s; }
  __device__ __forceinline__ Place column(int i) const { return place_of(i, by_hw, h * w, by_w, w); }
  __device__ __forceinline__ Place inner(int k) const { return place_of(k, by_rs, r * s, by_s, s); }
  __device__ __forceinline__ int first(int group, int row, int, Place k) const {
    return (((group * own_o + k.outer) * own_c + row) * r + k.row) * s + k.column;
  }
  /// dy at the window that reads (h, w) by tap (r, s), if there is one.
  __device__ __forceinline__ int second(int group, Place at, Place k, bool& inside) const {
    const int y = at.row + padding_h - k.row * dilation_h, z = at.column + padding_w - k.column * dilation_w;
    const int up = by_stride_h.quotient(y > 0 ? y : 0), left = by_stride_w.quotient(z > 0 ? z : 0);
    inside = inside & (up * stride_h == y) & (left * stride_w == z) & (up < p) & (left < q);
    return ((at.outer * o + group * own_o + k.outer) * p + up) * q + left;
  }
  __device__ __forceinline__ int result(int group, int row, int, Place at) const {
    return ((at.outer * c + group * own_c + row) * h + at.row) * w + at.column;
  }
};

/// dw of one group: rows are its output channels, columns (c, r, s), inner (n, p, q). First operand dy, second x.
struct WeightGradient : Convolution {
  static constexpr bool inner_first = true;  ///< neighbouring threads gather neighbours along q
  __device__ __forceinline__ int rows() const { return own_o; }
  __device__ __forceinline__ int columns() const { return own_c * r * s; }
  __device__ __forceinline__ int inner() const { return n * p * q; }
  __device__ __forceinline__ Place column(int i) const { return place_of(i, by_rs, r * s, by_s, s); }
  __device__ __forceinline__ Place inner(int k) const { return place_of(k, by_pq, p * q, by_q, q); }
  __device__ __forceinline__ int first(int group, int row, int, Place k) const {
    return ((k.outer * o + group * own_o + row) * p + k.row) * q + k.column;
  }
  __device__ __forceinline__ int second(int group, Place at, Place k, bool& inside) const {
    const int y = k.row * stride_h - padding_h + at.row * dilation_h;
    const int z = k.column * stride_w - padding_w + at.column * dilation_w;
    inside = inside & within(y, h) & within(z, w);
    return ((k.outer * c + group * own_c + at.outer) * h + y) * w + z;
  }
  __device__ __forceinline__ int result(int group, int row, int column, Place) const {
    return (group * own_o + row) * (own_c * r * s) + column;
  }
};
