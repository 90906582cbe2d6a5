#include "sim/reference/vector_functions.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/numerics/elementary.hpp"
#include "sim/numerics/random.hpp"
#include "sim/numerics/simd.hpp"

namespace triad::reference {
namespace {

using graph::Function;
using numerics::Format;

/// One element in each format.
template <Format format>
struct Stored;
template <>
struct Stored<Format::fp32> {
  using Word = float;
  static float decode(float word) { return word; }
  static float encode(float value) { return value; }
};
template <>
struct Stored<Format::bf16> {
  using Word = std::uint16_t;
  static float decode(std::uint16_t word) { return numerics::bf16_value(word); }
  static std::uint16_t encode(float value) { return numerics::bf16_bits(value); }
};
template <>
struct Stored<Format::fp16> {
  using Word = std::uint16_t;
  static float decode(std::uint16_t word) { return numerics::fp16_value(word); }
  static std::uint16_t encode(float value) { return numerics::fp16_bits(value); }
};
template <>
struct Stored<Format::int8> {
  using Word = std::int8_t;
  static float decode(std::int8_t word) { return word; }
  static std::int8_t encode(float value) { return numerics::int8_of(value); }
};
template <>
struct Stored<Format::int32> {
  using Word = std::int32_t;
  static float decode(std::int32_t word) { return static_cast<float>(word); }
  static std::int32_t encode(float value) { return numerics::int32_of(value); }
};

/// Calls body.operator()<format>().
template <class Body>
void by_format(Format format, const Body& body) {
  switch (format) {
    case Format::fp32:
      return body.template operator()<Format::fp32>();
    case Format::bf16:
      return body.template operator()<Format::bf16>();
    case Format::fp16:
      return body.template operator()<Format::fp16>();
    case Format::int8:
      return body.template operator()<Format::int8>();
    case Format::int32:
      return body.template operator()<Format::int32>();
    case Format::tf32:
      break;
  }
  throw std::invalid_argument("no tensor is stored in tf32");
}

}  // namespace

TRIAD_SIMD void apply(Function function, const float* a, const float* b, const float* c, float* y, std::size_t n) {
  switch (function) {
    case Function::add:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
      return;
    case Function::subtract:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] - b[i];
      return;
    case Function::multiply:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] * b[i];
      return;
    case Function::divide:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] / b[i];
      return;
    case Function::minimum:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] < b[i] || a[i] != a[i] ? a[i] : b[i];
      return;
    case Function::maximum:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] > b[i] || a[i] != a[i] ? a[i] : b[i];
      return;
    case Function::greater:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] > b[i] ? 1.0f : 0.0f;
      return;
    case Function::equal:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] == b[i] ? 1.0f : 0.0f;
      return;
    case Function::select:
      for (std::size_t i = 0; i < n; ++i) y[i] = a[i] != 0.0f ? b[i] : c[i];
      return;
    case Function::square_root:
      for (std::size_t i = 0; i < n; ++i) y[i] = std::sqrt(a[i]);
      return;
    case Function::round:
      for (std::size_t i = 0; i < n; ++i) y[i] = std::nearbyint(a[i]);
      return;
    case Function::exponential:
      return numerics::exponential(a, y, n);
    case Function::logarithm:
      return numerics::logarithm(a, y, n);
    case Function::tanh:
      return numerics::hyperbolic_tangent(a, y, n);
    case Function::error_function:
      return numerics::error_function(a, y, n);
    default:
      throw std::logic_error(graph::to_string(function) + " is no element-wise function");
  }
}

TRIAD_SIMD void draw(std::uint32_t seed, const float* step, const std::uint32_t* index, float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = numerics::uniform(seed, static_cast<std::uint32_t>(static_cast<std::int32_t>(step[i])), index[i]);
  }
}

TRIAD_SIMD void sum(const float* x, std::size_t n, double* lane_sums) {
  double sums[8];
  std::copy_n(lane_sums, 8, sums);
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += x[i + lane];
  }
  for (std::size_t lane = 0; i + lane < n; ++lane) sums[lane] += x[i + lane];
  std::copy_n(sums, 8, lane_sums);
}

TRIAD_SIMD void largest(const float* x, std::size_t n, float* lane_maxima) {
  float maxima[8];
  std::copy_n(lane_maxima, 8, maxima);
  const auto take = [&](float a, float& m) { m = a > m || a != a ? a : m; };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (std::size_t lane = 0; lane < 8; ++lane) take(x[i + lane], maxima[lane]);
  }
  for (std::size_t lane = 0; i + lane < n; ++lane) take(x[i + lane], maxima[lane]);
  std::copy_n(maxima, 8, lane_maxima);
}

TRIAD_SIMD void add_to(const float* x, std::size_t n, double* sums) {
  for (std::size_t i = 0; i < n; ++i) sums[i] += x[i];
}

void read(Source source, std::int64_t offset, std::int64_t stride, std::size_t n, float* y) {
  by_format(source.format, [&]<Format format>() {
    const auto* const words = reinterpret_cast<const typename Stored<format>::Word*>(source.data) + offset;
    if (stride == 0) {
      std::fill_n(y, n, Stored<format>::decode(*words));
    } else if (stride == 1) {
      for (std::size_t i = 0; i < n; ++i) y[i] = Stored<format>::decode(words[i]);
    } else {
      for (std::size_t i = 0; i < n; ++i) y[i] = Stored<format>::decode(words[static_cast<std::int64_t>(i) * stride]);
    }
  });
}

void write(const float* x, std::size_t n, Target target, std::int64_t offset, std::int64_t stride) {
  by_format(target.format, [&]<Format format>() {
    auto* const words = reinterpret_cast<typename Stored<format>::Word*>(target.data) + offset;
    if (stride == 1) {
      for (std::size_t i = 0; i < n; ++i) words[i] = Stored<format>::encode(x[i]);
    } else {
      for (std::size_t i = 0; i < n; ++i) words[static_cast<std::int64_t>(i) * stride] = Stored<format>::encode(x[i]);
    }
  });
}

}  // namespace triad::reference
