#pragma once
#include <fmt/core.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/numerics/format.hpp"

/// PTX text under construction.
namespace triad::gpu::generator {

/// A register, or an immediate, as PTX writes it.
using Name = std::string;

/// An fp32 by its bits: "0f3F800000".
Name literal(float value);
inline Name literal(std::int64_t value) {
  return fmt::format("{}", value);
}
inline bool is_literal(const Name& name) {
  return name[0] != '%';
}

class Writer {
 public:
  Name new_float() { return fmt::format("%f{}", floats_++); }
  Name new_word() { return fmt::format("%r{}", words_++); }
  Name new_half() { return fmt::format("%h{}", halves_++); }
  Name new_pair() { return fmt::format("%rd{}", pairs_++); }
  Name new_predicate() { return fmt::format("%p{}", predicates_++); }
  std::string new_label() { return fmt::format("$L{}", labels_++); }

  template <class... Arguments>
  void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    body_ += "  ";
    fmt::format_to(std::back_inserter(body_), format, std::forward<Arguments>(arguments)...);
    body_ += ";\n";
  }
  void label(const std::string& name) { body_ += name + ":\n"; }

  /// "add.rn.f32 d, a, b": the register that holds the result.
  Name floating(const char* opcode, const Name& a) { return result(new_float(), opcode, a); }
  Name floating(const char* opcode, const Name& a, const Name& b) { return result(new_float(), opcode, a + ", " + b); }
  Name floating(const char* opcode, const Name& a, const Name& b, const Name& c) {
    return result(new_float(), opcode, a + ", " + b + ", " + c);
  }
  Name word(const char* opcode, const Name& a) { return result(new_word(), opcode, a); }
  Name word(const char* opcode, const Name& a, const Name& b) { return result(new_word(), opcode, a + ", " + b); }
  Name word(const char* opcode, const Name& a, const Name& b, const Name& c) {
    return result(new_word(), opcode, a + ", " + b + ", " + c);
  }
  Name predicate(const char* opcode, const Name& a, const Name& b) {
    return result(new_predicate(), opcode, a + ", " + b);
  }

  /// a / divisor, both below 2^31: a shift, or the upper part of a product with ceil(2^(31 + l) / divisor), l =
  /// ceil(log2 divisor), which is exact for all a below 2^31 (Granlund and Montgomery, "Division by Invariant Integers
  /// using Multiplication", PLDI 1994, theorem 4.2).
  Name quotient(const Name& a, std::int64_t divisor);
  /// a * factor [+ sum]; an empty sum is 0, an empty a too.
  Name multiply_add(const Name& a, std::int64_t factor, const Name& sum);

  /// The address base + index * bytes, in a pair.
  Name address(const Name& base, const Name& index, int bytes);
  /// The element at an address as fp32: bf16 and fp16 widened, integers converted.
  Name load(const Name& address, numerics::Format format);
  /// The stored bits of an element, in an fp32 register; and back.
  Name load_raw(const Name& address, numerics::Format format);
  void store_raw(const Name& address, const Name& value, numerics::Format format, const std::string& guard);
  /// Stores an fp32 as an element of this format; an integer format: toward zero. `guard`: "@%p1 " or empty.
  void store(const Name& address, const Name& value, numerics::Format format, const std::string& guard);

  /// The whole text: a kernel of this name whose parameters are `pointers` addresses p0, p1, ...; `shared`: bytes of
  /// the array `partial`.
  std::string kernel(const std::string& name, int pointers, int shared) const;

 private:
  Name result(Name d, const char* opcode, const std::string& sources) {
    line("{} {}, {}", opcode, d, sources);
    return d;
  }

  std::string body_;
  int floats_ = 0, words_ = 0, halves_ = 0, pairs_ = 0, predicates_ = 0, labels_ = 0;
};

}  // namespace triad::gpu::generator
