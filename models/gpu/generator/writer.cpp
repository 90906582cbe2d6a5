#include "models/gpu/generator/writer.hpp"

#include <bit>
#include <stdexcept>

namespace triad::gpu::generator {

using numerics::Format;

Name literal(float value) {
  return fmt::format("0f{:08X}", numerics::bits_of(value));
}

Name Writer::quotient(const Name& a, std::int64_t divisor) {
  const auto d = static_cast<std::uint64_t>(divisor);
  if (d == 1 || a.empty()) return a;
  if (std::has_single_bit(d)) return word("shr.u32", a, literal(static_cast<std::int64_t>(std::countr_zero(d))));
  const int bits = std::bit_width(d - 1);  // ceil(log2 d)
  const std::uint64_t magic = ((std::uint64_t{1} << (31 + bits)) + d - 1) / d;
  const Name high = word("mul.hi.u32", a, literal(static_cast<std::int64_t>(magic)));
  return bits == 1 ? high : word("shr.u32", high, literal(std::int64_t{bits - 1}));
}

Name Writer::multiply_add(const Name& a, std::int64_t factor, const Name& sum) {
  if (a.empty() || factor == 0) return sum;
  if (factor == 1) return sum.empty() ? a : word("add.s32", a, sum);
  if (sum.empty()) return word("mul.lo.s32", a, literal(factor));
  return word("mad.lo.s32", a, literal(factor), sum);
}

Name Writer::address(const Name& base, const Name& index, int bytes) {
  if (index.empty()) return base;
  const Name result = new_pair();
  line("mad.wide.u32 {}, {}, {}, {}", result, index, bytes, base);
  return result;
}

Name Writer::load(const Name& address, Format format) {
  switch (format) {
    case Format::fp32: {
      const Name value = new_float();
      line("ld.global.f32 {}, [{}]", value, address);
      return value;
    }
    case Format::bf16: {
      const Name stored = new_word();
      line("ld.global.u16 {}, [{}]", stored, address);
      return floating("mov.b32", word("shl.b32", stored, "16"));
    }
    case Format::fp16: {
      const Name stored = new_half();
      line("ld.global.b16 {}, [{}]", stored, address);
      return floating("cvt.f32.f16", stored);
    }
    case Format::int8:
    case Format::int32: {
      const Name stored = new_word();
      line("ld.global.{} {}, [{}]", format == Format::int8 ? "s8" : "s32", stored, address);
      return floating("cvt.rn.f32.s32", stored);
    }
    case Format::tf32:
      break;
  }
  throw std::invalid_argument("no element of memory is " + numerics::to_string(format));
}

namespace {
const char* raw_type(Format format) {
  const int bytes = numerics::bytes_of(format);
  return bytes == 1 ? "u8" : bytes == 2 ? "u16" : "u32";
}
}  // namespace

Name Writer::load_raw(const Name& address, Format format) {
  const Name stored = new_word();
  line("ld.global.{} {}, [{}]", raw_type(format), stored, address);
  return floating("mov.b32", stored);
}

void Writer::store_raw(const Name& address, const Name& value, Format format, const std::string& guard) {
  line("{}st.global.{} [{}], {}", guard, raw_type(format), address, word("mov.b32", value));
}

void Writer::store(const Name& address, const Name& value, Format format, const std::string& guard) {
  switch (format) {
    case Format::fp32:
      return line("{}st.global.f32 [{}], {}", guard, address, value);
    case Format::bf16:
    case Format::fp16: {
      const Name half = new_half();
      line("cvt.rn.{}.f32 {}, {}", format == Format::bf16 ? "bf16" : "f16", half, value);
      return line("{}st.global.b16 [{}], {}", guard, address, half);
    }
    case Format::int8:
    case Format::int32:
      return line("{}st.global.{} [{}], {}", guard, format == Format::int8 ? "s8" : "s32", address,
                  word("cvt.rzi.s32.f32", value));
    case Format::tf32:
      break;
  }
  throw std::invalid_argument("no element of memory is " + numerics::to_string(format));
}

std::string Writer::kernel(const std::string& name, int pointers, int shared) const {
  std::string text = ".version 7.5\n.target sm_80\n.address_size 64\n";
  text += fmt::format(".visible .entry {}(", name);
  for (int i = 0; i < pointers; ++i) text += fmt::format("{}\n  .param .u64 p{}", i == 0 ? "" : ",", i);
  text += ")\n{\n";
  const auto declare = [&](const char* type, const char* prefix, int count) {
    if (count > 0) text += fmt::format("  .reg .{} {}<{}>;\n", type, prefix, count);
  };
  declare("pred", "%p", predicates_);
  declare("b16", "%h", halves_);
  declare("f32", "%f", floats_);
  declare("b32", "%r", words_);
  declare("b64", "%rd", pairs_);
  if (shared > 0) text += fmt::format("  .shared .align 4 .b8 partial[{}];\n", shared);
  return text + body_ + "  ret;\n}\n";
}

}  // namespace triad::gpu::generator
