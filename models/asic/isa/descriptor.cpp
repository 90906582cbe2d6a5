#include "models/asic/isa/descriptor.hpp"

#include <fmt/format.h>

#include <bit>
#include <stdexcept>

namespace triad::asic::isa {

namespace {

using F = Field;

constexpr FieldInfo table[] = {
    {F::engine, "engine", 4, false},
    {F::function, "function", 8, false},
    {F::operand, "operand", 4, false},
    {F::storage_in, "storage_in", 2, false},
    {F::storage_out, "storage_out", 2, false},
    {F::parts, "parts", 2, false},
    {F::relu, "relu", 1, false},
    {F::flying, "flying", 1, false},
    {F::clear, "clear", 1, false},
    {F::deliver, "deliver", 1, false},
    {F::a_transposed, "a_transposed", 1, false},
    {F::b_transposed, "b_transposed", 1, false},
    {F::a_reuse, "a_reuse", 1, false},
    {F::b_reuse, "b_reuse", 1, false},
    {F::a_release, "a_release", 1, false},
    {F::b_release, "b_release", 1, false},  // word 0 ends here
    {F::wait_gemm, "wait_gemm", 32, true},
    {F::wait_pointwise, "wait_pointwise", 32, true},
    {F::wait_update, "wait_update", 32, true},
    {F::rows, "rows", 32, false},
    {F::columns, "columns", 32, false},
    {F::depth, "depth", 32, false},
    {F::a_bank, "a_bank", 8, false},
    {F::a_banks, "a_banks", 8, false},
    {F::b_bank, "b_bank", 8, false},
    {F::b_banks, "b_banks", 8, false},
    {F::immediate, "immediate", 32, false},
    {F::immediate2, "immediate2", 32, false},
    {F::tag, "tag", 16, true},
    {F::tag2, "tag2", 16, true},
    {F::a_base, "a_base", 40, false},
    {F::a_period, "a_period", 24, false},
    {F::a_step, "a_step", 32, false},
    {F::a_pitch, "a_pitch", 32, false},
    {F::b_base, "b_base", 40, false},
    {F::b_period, "b_period", 24, false},
    {F::b_step, "b_step", 32, false},
    {F::b_pitch, "b_pitch", 32, false},
    {F::c_base, "c_base", 40, false},
    {F::c_period, "c_period", 24, false},
    {F::c_step, "c_step", 32, false},
    {F::c_pitch, "c_pitch", 32, false},
    {F::out_base, "out_base", 40, false},
    {F::out_period, "out_period", 24, false},
    {F::out_step, "out_step", 32, false},
    {F::out_pitch, "out_pitch", 32, false},
};
static_assert(std::size(table) == field_count);

constexpr const char* engine_names[engine_count] = {"gemm", "pointwise", "update"};
constexpr const char* function_names[function_count] = {"pass",     "add",       "subtract",      "multiply",
                                                        "scale",    "relu_grad", "mse_grad",      "repeat",
                                                        "sum_rows", "mse",       "cross_entropy", "cross_entropy_grad"};

/// The bit at which each field lies: packed in the order of the table; a field of 32 bits or more starts a new word.
constexpr std::array<int, std::size(table)> places() {
  std::array<int, std::size(table)> result{};
  int bit = 0;
  for (std::size_t i = 0; i < std::size(table); ++i) {
    const int bits = table[i].bits;
    if (bits >= 32) bit = (bit + 31) / 32 * 32;
    result[i] = bit;
    bit += bits;
  }
  return result;
}
constexpr auto place = places();
static_assert(place[std::size(table) - 1] + 32 <= 32 * descriptor_words);

}  // namespace

const char* to_string(Engine engine) {
  return engine_names[static_cast<std::size_t>(engine)];
}
const char* to_string(Function function) {
  return function_names[static_cast<std::size_t>(function)];
}

std::span<const FieldInfo> fields() {
  return table;
}

float Descriptor::immediate(Field field) const {
  return std::bit_cast<float>(static_cast<std::uint32_t>(get(field)));
}
void Descriptor::set_immediate(float value, Field field) {
  set(field, std::bit_cast<std::uint32_t>(value));
}

Field Descriptor::wait_field(Engine of) {
  return static_cast<Field>(static_cast<int>(Field::wait_gemm) + static_cast<int>(of));
}

Encoded encode(const Descriptor& descriptor) {
  Encoded words{};
  for (std::size_t i = 0; i < std::size(table); ++i) {
    const FieldInfo& info = table[i];
    const std::int64_t value = descriptor.get(info.field);
    const std::int64_t low = info.is_signed ? -(std::int64_t{1} << (info.bits - 1)) : 0;
    const std::int64_t high = (std::int64_t{1} << (info.is_signed ? info.bits - 1 : info.bits)) - 1;
    if (value < low || value > high) {
      throw std::out_of_range(fmt::format("descriptor field {} holds {}..{}, not {}", info.name, low, high, value));
    }
    for (int b = 0; b < info.bits; ++b) {
      const int bit = place[i] + b;
      words[static_cast<std::size_t>(bit / 32)] |= static_cast<std::uint32_t>((value >> b) & 1) << (bit % 32);
    }
  }
  return words;
}

Descriptor decode(std::span<const std::uint32_t, descriptor_words> words) {
  Descriptor descriptor;
  for (std::size_t i = 0; i < std::size(table); ++i) {
    const FieldInfo& info = table[i];
    std::int64_t value = 0;
    for (int b = 0; b < info.bits; ++b) {
      const int bit = place[i] + b;
      value |= static_cast<std::int64_t>((words[static_cast<std::size_t>(bit / 32)] >> (bit % 32)) & 1) << b;
    }
    if (info.is_signed && (value >> (info.bits - 1)) != 0) value -= std::int64_t{1} << info.bits;
    descriptor.set(info.field, value);
  }
  const auto check = [&](Field field, const char* what, int count) {
    if (descriptor.get(field) >= count) {
      throw std::invalid_argument(
          fmt::format("descriptor names {} {}, must be below {}", what, descriptor.get(field), count));
    }
  };
  check(Field::engine, "engine", engine_count);
  check(Field::function, "function", function_count);
  check(Field::operand, "operand", 5);
  check(Field::storage_in, "storage", 3);
  check(Field::storage_out, "storage", 3);
  return descriptor;
}

std::string disassemble(const Descriptor& descriptor) {
  std::string text = to_string(descriptor.engine());
  if (descriptor.engine() == Engine::pointwise) text += fmt::format(".{}", to_string(descriptor.function()));
  for (const FieldInfo& info : table) {
    const std::int64_t value = descriptor.get(info.field);
    if (info.field == Field::engine || info.field == Field::function || value == 0) continue;
    if (info.field == Field::immediate || info.field == Field::immediate2) {
      text += fmt::format(" {}={}", info.name, descriptor.immediate(info.field));
    } else if (info.name.ends_with("_base")) {
      text += fmt::format(" {}={:#x}", info.name, value);
    } else {
      text += fmt::format(" {}={}", info.name, value);
    }
  }
  return text;
}

}  // namespace triad::asic::isa
