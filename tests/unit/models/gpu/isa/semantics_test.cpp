#include "models/gpu/isa/semantics.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <random>

namespace triad::gpu {
namespace {

using numerics::bits_of;
using numerics::float_of;

/// The result of lane 0.
WarpResults one(const Instruction& i, std::uint32_t a, std::uint32_t b, std::uint32_t c = 0, std::uint32_t c_high = 0,
                bool p = true, bool q = true) {
  WarpSources s;
  s.a[0] = a, s.b[0] = b, s.c[0] = c, s.c_high[0] = c_high;
  s.p = p, s.q = q;
  WarpResults r;
  execute(i, s, r);
  return r;
}
Instruction of(Opcode op, Type type = Type::u32) {
  Instruction i;
  i.op = op;
  i.type = type;
  return i;
}

RC_GTEST_PROP(Semantics, SixtyFourBitsAddInTwoSteps, (std::uint64_t a, std::uint64_t b, bool subtract)) {
  Instruction low = of(Opcode::iadd3), high = of(Opcode::iadd3);
  low.negate_b = high.negate_b = subtract;
  high.extended = true;
  const auto upper = [](std::uint64_t v) { return static_cast<std::uint32_t>(v >> 32); };
  const WarpResults l = one(low, static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b));
  const WarpResults h = one(high, upper(a), upper(b), 0, 0, (l.pd & 1u) != 0);
  RC_ASSERT((std::uint64_t{h.d[0]} << 32 | l.d[0]) == (subtract ? a - b : a + b));
}

RC_GTEST_PROP(Semantics, SixtyFourBitsCompareInTwoSteps, (std::uint64_t a, std::uint64_t b, bool near)) {
  if (near) b = (a & 0xffffffff00000000u) | (b & 0xffffffffu);
  for (int compare = 0; compare < 6; ++compare)
    for (const bool is_signed : {false, true}) {
      Instruction low = of(Opcode::isetp), high = of(Opcode::isetp, is_signed ? Type::s32 : Type::u32);
      low.compare = high.compare = static_cast<Compare>(compare);
      high.extended = true;
      const bool l = (one(low, static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b)).pd & 1u) != 0;
      const bool result =
          (one(high, static_cast<std::uint32_t>(a >> 32), static_cast<std::uint32_t>(b >> 32), 0, 0, l).pd & 1u) != 0;
      const auto host = [&](auto x, auto y) {
        const bool results[] = {x == y, x != y, x<y, x <= y, x> y, x >= y};
        return results[compare];
      };
      RC_ASSERT(result == (is_signed ? host(static_cast<std::int64_t>(a), static_cast<std::int64_t>(b)) : host(a, b)));
    }
}

RC_GTEST_PROP(Semantics, IntegerArithmetic, (std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t c_high)) {
  const std::uint64_t sum = std::uint64_t{c_high} << 32 | c;
  const auto sa = static_cast<std::int32_t>(a), sb = static_cast<std::int32_t>(b);
  const auto wide = [&](Type type) {
    const WarpResults r = one(of(Opcode::imad_wide, type), a, b, c, c_high);
    return std::uint64_t{r.d_high[0]} << 32 | r.d[0];
  };
  RC_ASSERT(one(of(Opcode::imad), a, b, c).d[0] == a * b + c);
  RC_ASSERT(wide(Type::u32) == std::uint64_t{a} * b + sum);
  RC_ASSERT(wide(Type::s32) == static_cast<std::uint64_t>(std::int64_t{sa} * sb) + sum);
  RC_ASSERT(one(of(Opcode::imad_hi, Type::s32), a, b, 0).d[0] ==
            static_cast<std::uint32_t>((std::int64_t{sa} * sb) >> 32));
  RC_ASSERT(one(of(Opcode::imnmx, Type::s32), a, b, 0, 0, true).d[0] == static_cast<std::uint32_t>(std::min(sa, sb)));
  RC_ASSERT(one(of(Opcode::imnmx), a, b, 0, 0, false).d[0] == std::max(a, b));
  Instruction logic = of(Opcode::lop3);
  logic.selector = 0xe8;  // majority
  RC_ASSERT(one(logic, a, b, c).d[0] == ((a & b) | (b & c) | (a & c)));
  for (std::uint32_t count = 0; count < 40; ++count) {
    const std::uint64_t pair = std::uint64_t{c} << 32 | a;
    const std::uint32_t clamped = std::min(count, 32u);
    RC_ASSERT(one(of(Opcode::shl), a, count).d[0] == static_cast<std::uint32_t>(std::uint64_t{a} << count));
    RC_ASSERT(one(of(Opcode::shr), a, count).d[0] == static_cast<std::uint32_t>(std::uint64_t{a} >> count));
    RC_ASSERT(one(of(Opcode::shr, Type::s32), a, count).d[0] == static_cast<std::uint32_t>(std::int64_t{sa} >> count));
    RC_ASSERT(one(of(Opcode::shf_l), a, count, c).d[0] == static_cast<std::uint32_t>((pair << clamped) >> 32));
    RC_ASSERT(one(of(Opcode::shf_r), a, count, c).d[0] == static_cast<std::uint32_t>(pair >> clamped));
  }
}

TEST(Semantics, Fp32KeepsSubnormalsFusesAndHasOneNan) {
  const auto f = [](Opcode op, float a, float b, float c = 0) {
    return one(of(op), bits_of(a), bits_of(b), bits_of(c)).d[0];
  };
  EXPECT_EQ(f(Opcode::fadd, 1e-40f, 2e-40f), bits_of(1e-40f + 2e-40f));
  EXPECT_NE(f(Opcode::fadd, 1e-40f, 2e-40f), 0u);
  const float a = 1.0f + 0x1p-23f;
  EXPECT_EQ(f(Opcode::ffma, a, a, -(a * a)), bits_of(0x1p-46f));             // the product's own rounding error
  EXPECT_EQ(f(Opcode::fmul, INFINITY, 0.0f), numerics::canonical_nan_bits);  // x86 would give ffc00000
  EXPECT_EQ(one(of(Opcode::fadd), 0xffc12345u, 0).d[0], numerics::canonical_nan_bits);
  Instruction minus = of(Opcode::ffma);
  minus.negate_a = minus.negate_c = true;
  EXPECT_EQ(one(minus, bits_of(2.0f), bits_of(3.0f), bits_of(1.0f)).d[0], bits_of(-7.0f));
}

TEST(Semantics, MinimumAndMaximum) {
  const auto pick = [](bool minimum, float a, float b) {
    return one(of(Opcode::fmnmx), bits_of(a), bits_of(b), 0, 0, minimum).d[0];
  };
  EXPECT_EQ(pick(true, 1.0f, 2.0f), bits_of(1.0f));
  EXPECT_EQ(pick(false, 1.0f, 2.0f), bits_of(2.0f));
  EXPECT_EQ(pick(false, NAN, 2.0f), bits_of(2.0f));
  EXPECT_EQ(pick(true, 2.0f, NAN), bits_of(2.0f));
  EXPECT_EQ(pick(true, NAN, NAN), numerics::canonical_nan_bits);
  EXPECT_EQ(pick(true, 0.0f, -0.0f), bits_of(-0.0f));
  EXPECT_EQ(pick(false, -0.0f, 0.0f), bits_of(0.0f));
}

TEST(Semantics, UnorderedComparisons) {
  const auto holds = [](Compare compare, float a, float b) {
    Instruction i = of(Opcode::fsetp);
    i.compare = compare;
    return (one(i, bits_of(a), bits_of(b)).pd & 1u) != 0;
  };
  for (int ordered = 0; ordered < 6; ++ordered) {
    EXPECT_FALSE(holds(static_cast<Compare>(ordered), NAN, 1.0f));
    EXPECT_TRUE(holds(static_cast<Compare>(ordered + 6), NAN, 1.0f));
    EXPECT_EQ(holds(static_cast<Compare>(ordered), 1.0f, 2.0f), holds(static_cast<Compare>(ordered + 6), 1.0f, 2.0f));
  }
  EXPECT_TRUE(holds(Compare::num, 1.0f, 2.0f));
  EXPECT_TRUE(holds(Compare::nan, 1.0f, NAN));
}

TEST(Semantics, ConversionsSaturate) {
  const auto integer = [](Type type, float v) { return one(of(Opcode::f2i, type), 0, bits_of(v)).d[0]; };
  EXPECT_EQ(integer(Type::s32, -1.9f), static_cast<std::uint32_t>(-1));
  EXPECT_EQ(integer(Type::s32, 3e9f), 0x7fffffffu);
  EXPECT_EQ(integer(Type::s32, -3e9f), 0x80000000u);
  EXPECT_EQ(integer(Type::u32, -3.0f), 0u);
  EXPECT_EQ(integer(Type::u32, 3e9f), 3000000000u);
  EXPECT_EQ(integer(Type::u32, 5e9f), 0xffffffffu);
  EXPECT_EQ(integer(Type::u32, NAN), 0u);
  EXPECT_EQ(one(of(Opcode::i2f, Type::s32), 0, static_cast<std::uint32_t>(-16777217)).d[0], bits_of(-16777216.0f));
  EXPECT_EQ(one(of(Opcode::i2f), 0, 0xffffffffu).d[0], bits_of(4294967296.0f));
}

/// Distance in units in the last place of the exact value (of the smallest normal number below it).
double error_ulp(float actual, double exact) {
  if (std::isnan(exact)) return std::isnan(actual) ? 0 : 1e9;
  if (std::isinf(exact) || std::fabs(exact) >= 0x1.ffffffp127) return std::isinf(actual) ? 0 : 1e9;
  int e = 0;
  std::frexp(exact, &e);
  return std::fabs(actual - exact) / std::ldexp(1.0, std::max(e - 24, -149));
}

TEST(SpecialFunctions, AreWithinTwoUnitsInTheLastPlace) {
  std::mt19937 engine(1);
  for (int n = 0; n < 300000; ++n) {
    const float x = float_of(n % 3 == 0 ? engine() : bits_of(1.0f) ^ (engine() >> (n % 24)));  // anywhere, and near 1
    const double d = x;
    if (std::isnan(x)) continue;
    const double logarithm = std::log2(d);
    const float exponent = std::fmod(x, 200.0f);
    ASSERT_LE(error_ulp(special_function(Function::rcp, x), 1.0 / d), 2) << x;
    ASSERT_LE(error_ulp(special_function(Function::rsq, x), 1.0 / std::sqrt(d)), 2) << x;
    ASSERT_LE(error_ulp(special_function(Function::sqrt, x), std::sqrt(d)), 2) << x;
    if (std::fabs(logarithm) > 0.5 || std::isnan(logarithm)) {
      ASSERT_LE(error_ulp(special_function(Function::lg2, x), logarithm), 2) << x;
    } else {
      ASSERT_LE(std::fabs(special_function(Function::lg2, x) - logarithm), 0x1p-23) << x;
    }
    if (!std::isnan(exponent)) {
      ASSERT_LE(error_ulp(special_function(Function::ex2, exponent), std::exp2(double{exponent})), 2) << exponent;
    }
  }
}

TEST(SpecialFunctions, ExactValues) {
  for (int n = -149; n < 128; ++n) {
    const float power = std::ldexp(1.0f, n);
    EXPECT_EQ(special_function(Function::ex2, static_cast<float>(n)), power);
    EXPECT_EQ(special_function(Function::lg2, power), static_cast<float>(n));
    if (n > -128) {
      EXPECT_EQ(special_function(Function::rcp, power), std::ldexp(1.0f, -n));
    }
    if (n % 2 == 0) {
      EXPECT_EQ(special_function(Function::sqrt, power), std::ldexp(1.0f, n / 2));
    }
  }
  EXPECT_EQ(special_function(Function::ex2, -INFINITY), 0.0f);
  EXPECT_EQ(special_function(Function::ex2, 200.0f), INFINITY);
  EXPECT_EQ(special_function(Function::lg2, 0.0f), -INFINITY);
  EXPECT_TRUE(std::isnan(special_function(Function::lg2, -1.0f)));
  EXPECT_EQ(special_function(Function::rcp, -0.0f), -INFINITY);
  EXPECT_TRUE(std::isnan(special_function(Function::sqrt, -1.0f)));
}

}  // namespace
}  // namespace triad::gpu
