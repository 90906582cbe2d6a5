#include "models/gpu/generator/scalar.hpp"

#include <limits>
#include <stdexcept>

#include "sim/numerics/random.hpp"

namespace triad::gpu::generator {
namespace {

using graph::Function;

constexpr float infinity = std::numeric_limits<float>::infinity();

Name add(Writer& w, const Name& a, const Name& b) {
  return w.floating("add.rn.f32", a, b);
}
Name multiply(Writer& w, const Name& a, const Name& b) {
  return w.floating("mul.rn.f32", a, b);
}
Name fused(Writer& w, const Name& a, const Name& b, const Name& c) {
  return w.floating("fma.rn.f32", a, b, c);
}
Name choose(Writer& w, const Name& predicate, const Name& yes, const Name& no) {
  return w.floating("selp.f32", yes, no, predicate);
}

/// p * z + c for every further c: Horner's rule in plain fp32 operations, as sim/numerics/elementary.cpp.
Name horner(Writer& w, const Name& z, std::initializer_list<float> coefficients) {
  Name p = literal(*coefficients.begin());
  for (const float* c = coefficients.begin() + 1; c != coefficients.end(); ++c) {
    p = add(w, multiply(w, z, p), literal(*c));
  }
  return p;
}

/// e^x = 2^t 2^l with t = x log2(e) rounded to fp32 and l what the rounding lost (log2(e) in two parts): ex2.approx(t)
/// (1 + l ln 2). l is clamped, for where t is infinite. Error: half a unit in the last place each of the last two
/// operations and that of ex2.approx (isa/special_functions.cpp), below 2 in sum (tested).
Name exponential(Writer& w, const Name& x) {
  const Name log2_e = literal(1.44269504f), log2_e_low = literal(1.92596299e-8f);
  const Name t = multiply(w, x, log2_e);
  Name l = fused(w, x, log2_e, w.floating("neg.f32", t));
  l = fused(w, x, log2_e_low, l);
  l = w.floating("max.f32", w.floating("min.f32", l, literal(0.5f)), literal(-0.5f));
  return multiply(w, w.floating("ex2.approx.f32", t), fused(w, l, literal(0.693147181f), literal(1.0f)));
}

/// numerics::logarithm, operation by operation.
Name logarithm(Writer& w, const Name& x) {
  const Name small = w.predicate("setp.lt.f32", x, literal(0x1p-126f));
  const Name scaled = choose(w, small, multiply(w, x, literal(8388608.0f)), x);
  const Name bits = w.word("mov.b32", scaled);
  const Name biased = w.word("add.s32", w.word("shr.u32", bits, "23"), w.word("selp.b32", "-149", "-126", small));
  const Name mantissa_bits = w.word("or.b32", w.word("and.b32", bits, "8388607"), "1056964608");
  const Name half_m = w.floating("mov.b32", mantissa_bits);  // in [1/2, 1)
  const Name low = w.predicate("setp.lt.f32", half_m, literal(0.707106781186547524f));
  const Name exponent = w.word("add.s32", biased, w.word("selp.b32", "-1", "0", low));
  const Name m = add(w, choose(w, low, add(w, half_m, half_m), half_m), literal(-1.0f));
  const Name z = multiply(w, m, m), e = w.floating("cvt.rn.f32.s32", exponent);
  const Name p = horner(w, m,
                        {7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                         -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f});
  Name y = multiply(w, multiply(w, p, m), z);
  y = add(w, y, multiply(w, e, literal(-2.12194440e-4f)));
  y = add(w, y, multiply(w, z, literal(-0.5f)));
  y = add(w, add(w, m, y), multiply(w, e, literal(0.693359375f)));
  y = choose(w, w.predicate("setp.eq.f32", x, literal(infinity)), x, y);
  y = choose(w, w.predicate("setp.eq.f32", x, literal(0.0f)), literal(-infinity), y);
  return choose(w, w.predicate("setp.ltu.f32", x, literal(0.0f)), literal(numerics::float_of(0x7fc00000u)), y);
}

/// The sequence of numerics::hyperbolic_tangent with the exponential above.
Name hyperbolic_tangent(Writer& w, const Name& x) {
  const Name magnitude = w.floating("abs.f32", x), z = multiply(w, x, x);
  const Name p =
      horner(w, z, {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f, 1.33314422036e-1f, -3.33332819422e-1f});
  const Name near_zero = add(w, multiply(w, multiply(w, p, z), x), x);
  const Name e = exponential(w, add(w, magnitude, magnitude));
  const Name fraction = w.floating("div.rn.f32", literal(2.0f), add(w, e, literal(1.0f)));
  const Name far = w.floating("sub.rn.f32", literal(1.0f), fraction);
  const Name negative = w.predicate("setp.lt.f32", x, literal(0.0f));
  const Name is_near = w.predicate("setp.lt.f32", magnitude, literal(0.625f));
  return choose(w, is_near, near_zero, choose(w, negative, w.floating("neg.f32", far), far));
}

/// numerics::error_function, operation by operation.
Name error_function(Writer& w, const Name& x) {
  const Name clamped = w.floating("min.NaN.f32", w.floating("max.NaN.f32", x, literal(-4.0f)), literal(4.0f));
  const Name z = multiply(w, clamped, clamped);
  const Name p = horner(w, z,
                        {-2.72614225801306e-10f, 2.77068142495902e-08f, -2.10102402082508e-06f, -5.69250639462346e-05f,
                         -7.34990630326855e-04f, -2.95459980854025e-03f, -1.60960333262415e-02f});
  const Name q = horner(w, z,
                        {-1.45660718464996e-05f, -2.13374055278905e-04f, -1.68282697438203e-03f, -7.37332916720468e-03f,
                         -1.42647390514189e-02f});
  return w.floating("div.rn.f32", multiply(w, clamped, p), q);
}

/// To the nearest integer, ties to even: from 2^23 on every fp32 is one; below, adding and subtracting 2^23 rounds.
Name rounded(Writer& w, const Name& x) {
  const Name magnitude = w.floating("abs.f32", x), rounder = literal(8388608.0f);
  const Name whole = w.floating("sub.rn.f32", add(w, magnitude, rounder), rounder);
  const Name sign = w.word("and.b32", w.word("mov.b32", x), "2147483648");
  const Name with_sign = w.floating("mov.b32", w.word("or.b32", w.word("mov.b32", whole), sign));
  return choose(w, w.predicate("setp.lt.f32", magnitude, rounder), with_sign, x);
}

/// numerics::mix.
Name mix(Writer& w, Name x) {
  x = w.word("xor.b32", x, w.word("shr.u32", x, "16"));
  x = w.word("mul.lo.u32", x, literal(std::int64_t{0x7feb352d}));
  x = w.word("xor.b32", x, w.word("shr.u32", x, "15"));
  x = w.word("mul.lo.u32", x, literal(std::int64_t{0x846ca68b}));
  return w.word("xor.b32", x, w.word("shr.u32", x, "16"));
}

}  // namespace

Name write_comparison(Writer& w, Function function, const Name& a, const Name& b) {
  return w.predicate(function == Function::greater ? "setp.gt.f32" : "setp.eq.f32", a, b);
}

Name write_uniform(Writer& w, std::uint32_t seed, const Name& step, const Name& index) {
  const Name by_seed = literal(static_cast<std::int64_t>(numerics::mix(seed)));
  const Name by_step = mix(w, w.word("add.s32", w.word("cvt.rzi.u32.f32", step), by_seed));
  const Name bits = mix(w, index.empty() ? by_step : w.word("add.s32", index, by_step));
  return multiply(w, w.floating("cvt.rn.f32.u32", w.word("shr.u32", bits, "8")), literal(0x1p-24f));
}

Name write_function(Writer& w, Function function, const Name& a, const Name& b, const Name& c) {
  switch (function) {
    case Function::add:
      return add(w, a, b);
    case Function::subtract:
      return w.floating("sub.rn.f32", a, b);
    case Function::multiply:
      return multiply(w, a, b);
    case Function::divide:
      return w.floating("div.rn.f32", a, b);
    case Function::minimum:
      return w.floating("min.NaN.f32", a, b);
    case Function::maximum:
      return w.floating("max.NaN.f32", a, b);
    case Function::greater:
    case Function::equal:
      return choose(w, write_comparison(w, function, a, b), literal(1.0f), literal(0.0f));
    case Function::select:
      return choose(w, w.predicate("setp.neu.f32", a, literal(0.0f)), b, c);
    case Function::exponential:
      return exponential(w, a);
    case Function::logarithm:
      return logarithm(w, a);
    case Function::square_root:
      return w.floating("sqrt.rn.f32", a);
    case Function::tanh:
      return hyperbolic_tangent(w, a);
    case Function::error_function:
      return error_function(w, a);
    case Function::round:
      return rounded(w, a);
    default:
      throw std::logic_error(graph::to_string(function) + " is no scalar function");
  }
}

}  // namespace triad::gpu::generator
