#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "models/gpu/isa/opcodes.hpp"
#include "models/gpu/isa/special_functions.hpp"
#include "sim/numerics/format.hpp"

/// What every arithmetic opcode computes, per lane: the one definition for the timing model, the tests and the RTL
/// twin. Operands arrive raw (before negation); registers, memory and control flow are the caller's.
namespace triad::gpu {

/// A register of all lanes of a warp.
using LaneWords = std::array<std::uint32_t, warp_size>;

/// Sources of one warp instruction. Bit i of a predicate mask is lane i; a mask holds the predicate after its own
/// negation.
struct WarpSources {
  LaneWords a{}, b{}, c{}, c_high{};
  std::uint32_t p = ~0u, q = ~0u;
};

/// Results of one warp instruction: d, the second register of a pair d, and pd.
struct WarpResults {
  LaneWords d{}, d_high{};
  std::uint32_t pd = 0;
};

namespace detail {

inline float negate_if(bool negate, std::uint32_t bits) {
  return numerics::float_of(negate ? bits ^ 0x80000000u : bits);
}
inline std::uint32_t float_result(float value) {
  return numerics::bits_of(numerics::canonical(value));
}

inline std::uint32_t minimum_or_maximum(float a, float b, bool minimum) {
  if (a != a) return float_result(b);
  if (b != b) return float_result(a);
  if (a == b) return numerics::bits_of(std::signbit(a) == minimum ? a : b);  // -0 < +0
  return numerics::bits_of((a < b) == minimum ? a : b);
}

inline bool compare_floats(Compare compare, float a, float b) {
  const bool unordered = a != a || b != b;
  switch (compare) {
    case Compare::eq:
      return a == b;
    case Compare::ne:
      return !unordered && a != b;
    case Compare::lt:
      return a < b;
    case Compare::le:
      return a <= b;
    case Compare::gt:
      return a > b;
    case Compare::ge:
      return a >= b;
    case Compare::equ:
      return unordered || a == b;
    case Compare::neu:
      return unordered || a != b;
    case Compare::ltu:
      return unordered || a < b;
    case Compare::leu:
      return unordered || a <= b;
    case Compare::gtu:
      return unordered || a > b;
    case Compare::geu:
      return unordered || a >= b;
    case Compare::num:
      return !unordered;
    case Compare::nan:
      return unordered;
  }
  return false;
}

template <class Integer>
bool compare_integers(Compare compare, Integer a, Integer b) {
  switch (compare) {
    case Compare::eq:
      return a == b;
    case Compare::ne:
      return a != b;
    case Compare::lt:
      return a < b;
    case Compare::le:
      return a <= b;
    case Compare::gt:
      return a > b;
    case Compare::ge:
      return a >= b;
    default:
      return false;  // refused by encode()
  }
}
inline bool compare_words(Compare compare, Type type, std::uint32_t a, std::uint32_t b) {
  return type == Type::s32 ? compare_integers(compare, static_cast<std::int32_t>(a), static_cast<std::int32_t>(b))
                           : compare_integers(compare, a, b);
}

inline bool combined(Combine combine, bool a, bool b) {
  return combine == Combine::logical_and ? (a && b) : combine == Combine::logical_or ? (a || b) : a != b;
}

inline std::uint64_t product(Type type, std::uint32_t a, std::uint32_t b) {
  if (type == Type::s32)
    return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(a)} * static_cast<std::int32_t>(b));
  return std::uint64_t{a} * b;
}

inline std::uint32_t float_to_integer(Type type, float value) {
  if (value != value) return 0;
  if (type == Type::s32) {
    if (value >= 2147483648.0f) return 0x7fffffffu;
    if (value < -2147483648.0f) return 0x80000000u;
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(value));
  }
  if (value >= 4294967296.0f) return 0xffffffffu;
  return value <= 0.0f ? 0u : static_cast<std::uint32_t>(value);
}

}  // namespace detail

/// Executes an arithmetic instruction (pipes fp32, integer, sfu; not s2r) for all lanes; the caller writes back the
/// lanes that are active and whose guard holds. Results of lanes beyond are defined but meaningless.
inline void execute(const Instruction& i, const WarpSources& s, WarpResults& r) {
  using namespace detail;
  using numerics::float_of;
  const auto lanes = [&](auto&& body) {
    for (int lane = 0; lane < warp_size; ++lane) r.d[lane] = body(lane);
  };
  const auto predicates = [&](auto&& body) {
    std::uint32_t mask = 0;
    for (int lane = 0; lane < warp_size; ++lane) mask |= std::uint32_t{body(lane)} << lane;
    r.pd = mask;
  };
  const auto fa = [&](int lane) { return negate_if(i.negate_a, s.a[lane]); };
  const auto fb = [&](int lane) { return negate_if(i.negate_b, s.b[lane]); };
  const auto fc = [&](int lane) { return negate_if(i.negate_c, s.c[lane]); };
  const auto bit = [](std::uint32_t mask, int lane) { return ((mask >> lane) & 1u) != 0; };
  switch (i.op) {
    case Opcode::fadd:
      lanes([&](int l) { return float_result(fa(l) + fb(l)); });
      break;
    case Opcode::fmul:
      lanes([&](int l) { return float_result(fa(l) * fb(l)); });
      break;
    case Opcode::ffma:
      lanes([&](int l) { return float_result(std::fma(fa(l), fb(l), fc(l))); });
      break;
    case Opcode::fmnmx:
      lanes([&](int l) { return minimum_or_maximum(fa(l), fb(l), bit(s.p, l)); });
      break;
    case Opcode::fsetp:
      predicates([&](int l) { return combined(i.combine, compare_floats(i.compare, fa(l), fb(l)), bit(s.p, l)); });
      break;
    case Opcode::iadd3: {
      std::uint32_t carries = 0;
      for (int l = 0; l < warp_size; ++l) {
        const auto term = [&](bool negate, std::uint32_t value) { return std::uint64_t{negate ? ~value : value}; };
        std::uint64_t sum = term(i.negate_a, s.a[l]) + term(i.negate_b, s.b[l]) + term(i.negate_c, s.c[l]);
        sum += i.extended ? std::uint64_t{bit(s.p, l)} : std::uint64_t{i.negate_a} + i.negate_b + i.negate_c;
        r.d[l] = static_cast<std::uint32_t>(sum);
        carries |= std::uint32_t{(sum >> 32) != 0} << l;
      }
      r.pd = carries;
      break;
    }
    case Opcode::imad:
      lanes([&](int l) { return s.a[l] * s.b[l] + s.c[l]; });
      break;
    case Opcode::imad_hi:
      lanes([&](int l) { return static_cast<std::uint32_t>(product(i.type, s.a[l], s.b[l]) >> 32) + s.c[l]; });
      break;
    case Opcode::imad_wide:
      for (int l = 0; l < warp_size; ++l) {
        const std::uint64_t sum = product(i.type, s.a[l], s.b[l]) + (std::uint64_t{s.c_high[l]} << 32 | s.c[l]);
        r.d[l] = static_cast<std::uint32_t>(sum);
        r.d_high[l] = static_cast<std::uint32_t>(sum >> 32);
      }
      break;
    case Opcode::imnmx:
      lanes([&](int l) { return compare_words(Compare::lt, i.type, s.a[l], s.b[l]) == bit(s.p, l) ? s.a[l] : s.b[l]; });
      break;
    case Opcode::isetp:
      predicates([&](int l) {
        const bool holds = compare_words(i.compare, i.type, s.a[l], s.b[l]);
        if (i.extended) return s.a[l] == s.b[l] ? bit(s.p, l) : holds;
        return combined(i.combine, holds, bit(s.p, l));
      });
      break;
    case Opcode::lop3:
      lanes([&](int l) {
        std::uint32_t result = 0;
        for (unsigned row = 0; row < 8; ++row)
          if ((i.selector >> row) & 1u)
            result |=
                ((row & 4u) ? s.a[l] : ~s.a[l]) & ((row & 2u) ? s.b[l] : ~s.b[l]) & ((row & 1u) ? s.c[l] : ~s.c[l]);
        return result;
      });
      break;
    case Opcode::shl:
      lanes([&](int l) { return s.b[l] > 31 ? 0u : s.a[l] << s.b[l]; });
      break;
    case Opcode::shr:
      if (i.type == Type::s32)
        lanes([&](int l) {
          return static_cast<std::uint32_t>(static_cast<std::int32_t>(s.a[l]) >> std::min(s.b[l], 31u));
        });
      else
        lanes([&](int l) { return s.b[l] > 31 ? 0u : s.a[l] >> s.b[l]; });
      break;
    case Opcode::shf_l:
      lanes([&](int l) {
        return static_cast<std::uint32_t>(((std::uint64_t{s.c[l]} << 32 | s.a[l]) << std::min(s.b[l], 32u)) >> 32);
      });
      break;
    case Opcode::shf_r:
      lanes([&](int l) {
        return static_cast<std::uint32_t>((std::uint64_t{s.c[l]} << 32 | s.a[l]) >> std::min(s.b[l], 32u));
      });
      break;
    case Opcode::sel:
      lanes([&](int l) { return bit(s.p, l) ? s.a[l] : s.b[l]; });
      break;
    case Opcode::mov:
      r.d = s.b;
      break;
    case Opcode::psetp:
      predicates([&](int l) { return combined(i.combine, bit(s.p, l), bit(s.q, l)); });
      break;
    case Opcode::f2bf:
      lanes([&](int l) { return std::uint32_t{numerics::bf16_bits(float_of(s.b[l]))}; });
      break;
    case Opcode::f2h:
      lanes([&](int l) { return std::uint32_t{numerics::fp16_bits(float_of(s.b[l]))}; });
      break;
    case Opcode::h2f:
      lanes([&](int l) { return float_result(numerics::fp16_value(static_cast<std::uint16_t>(s.b[l]))); });
      break;
    case Opcode::i2f:
      lanes([&](int l) {
        return numerics::bits_of(i.type == Type::s32 ? static_cast<float>(static_cast<std::int32_t>(s.b[l]))
                                                     : static_cast<float>(s.b[l]));
      });
      break;
    case Opcode::f2i:
      lanes([&](int l) { return float_to_integer(i.type, float_of(s.b[l])); });
      break;
    case Opcode::mufu:
      lanes([&](int l) { return float_result(special_function(static_cast<Function>(i.selector), fb(l))); });
      break;
    default:
      break;  // nop, s2r, memory and control: the caller's
  }
}

}  // namespace triad::gpu
