#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>

/// Number formats and rounding: the one definition that models, the host reference and the RTL tests share.
namespace triad::numerics {

/// How a number is stored or multiplied.
enum class Format { fp32, bf16, fp16, tf32, int8, int32 };

/// Size of one stored element in bytes (tf32 is stored in 4).
int bytes_of(Format format);

/// "fp32", "bf16", ...
std::string to_string(Format format);

/// The one NaN that every unit delivers: quiet, positive, empty payload.
inline constexpr std::uint32_t canonical_nan_bits = 0x7fc00000u;

inline std::uint32_t bits_of(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline float float_of(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

/// Any NaN becomes the canonical one; every other value is unchanged.
inline float canonical(float value) {
  return value != value ? float_of(canonical_nan_bits) : value;
}

/// A subnormal becomes zero of the same sign; every other value is unchanged.
inline float flush(float value) {
  const std::uint32_t bits = bits_of(value);
  return (bits & 0x7f800000u) == 0 ? float_of(bits & 0x80000000u) : value;
}

/// fp32 to bf16: round to nearest even, overflow to infinity, NaN to the canonical NaN, subnormals kept.
inline std::uint16_t bf16_bits(float value) {
  const std::uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return canonical_nan_bits >> 16;
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline float bf16_value(std::uint16_t bits) {
  return float_of(static_cast<std::uint32_t>(bits) << 16);
}
inline float round_bf16(float value) {
  return bf16_value(bf16_bits(value));
}

/// fp32 to fp16 (IEEE 754 binary16): round to nearest even, overflow (from 65520 on) to infinity, NaN to the canonical
/// NaN, subnormals kept.
inline std::uint16_t fp16_bits(float value) {
  const std::uint32_t bits = bits_of(value), sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7e00u;
  if (magnitude >= 0x477ff000u) return static_cast<std::uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x38800000u) {  // below 2^-14: adding 0.5 leaves a multiple of 2^-24, fp16's subnormal step, behind
    const std::uint32_t shifted = bits_of(float_of(magnitude) + 0.5f);
    return static_cast<std::uint16_t>(sign | (shifted - 0x3f000000u));
  }
  // The exponent's bias goes from 127 to 15; the 13 bits that go round into the ones that stay.
  const std::uint32_t rounded = magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<std::uint16_t>(sign | (rounded >> 13));
}
/// Exact.
inline float fp16_value(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16, magnitude = bits & 0x7fffu;
  if (magnitude >= 0x7c00u) return float_of(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  if (magnitude < 0x400u) {  // a multiple of 2^-24
    return float_of(sign | bits_of(static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24f));
  }
  return float_of(sign | ((magnitude << 13) + 0x38000000u));
}
inline float round_fp16(float value) {
  return fp16_value(fp16_bits(value));
}

/// To the nearest integer, ties to even, clamped to the format's range; NaN becomes 0.
inline std::int32_t int32_of(float value) {
  if (value >= 0x1p31f) return INT32_MAX;
  if (value >= -0x1p31f) return static_cast<std::int32_t>(std::nearbyint(value));
  return value < 0 ? INT32_MIN : 0;
}
inline std::int8_t int8_of(float value) {
  if (value != value) return 0;
  const float rounded = std::nearbyint(value);
  return static_cast<std::int8_t>(rounded < -128 ? -128 : rounded > 127 ? 127 : rounded);
}

/// The three bf16 parts of an fp32 value, largest first: a = part 0 + part 1 + part 2 up to 2^-24 relative.
/// part 0 = bf16(a), part 1 = bf16(a - part 0), part 2 = bf16(a - part 0 - part 1), each difference rounded in fp32.
/// Source: the bf16x6 decomposition, Henry, Tang, Heinecke, "Leveraging the bfloat16 Artificial Intelligence Datatype
/// For Higher-Precision Computations", ARITH 2019.
inline float bf16_part(float value, int part) {
  const float first = round_bf16(value);
  if (part == 0 || first - first != 0.0f) return part == 0 ? first : 0.0f;  // infinity and NaN have one part
  const float rest = value - first;
  const float second = round_bf16(rest);
  return part == 1 ? second : round_bf16(rest - second);
}

/// The six products that make an fp32 product from bf16 parts, in the order in which they are accumulated: pass p
/// multiplies part `a` of the left operand by part `b` of the right one. Passes that share a part of the right operand,
/// the one that a weight-stationary array holds, stand together, so that it is loaded three times, not six; the largest
/// product comes last.
struct Pass {
  int a, b;
};
inline constexpr Pass fp32_passes[6] = {{0, 2}, {1, 1}, {0, 1}, {2, 0}, {1, 0}, {0, 0}};
inline constexpr Pass bf16_passes[1] = {{0, 0}};

}  // namespace triad::numerics
