#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// Layer descriptors: what the command processor reads from memory and writes into an engine's register group. One
/// table (descriptor.cpp) gives every field its name, width and sign; encoding, decoding and disassembly come from it.
namespace triad::asic::isa {

/// The engines that execute hardware layers. Each runs its own in the order of the command stream.
enum class Engine : std::uint8_t { gemm, pointwise, update };
inline constexpr int engine_count = 3;
const char* to_string(Engine engine);

/// What a layer of the point-wise engine does in its first stage (X1).
enum class Function : std::uint8_t {
  pass,                ///< a
  add,                 ///< a + b
  subtract,            ///< a - b
  multiply,            ///< a * b
  scale,               ///< a * immediate
  relu_grad,           ///< b where a > 0, else 0
  mse_grad,            ///< (a - b) * immediate
  repeat,              ///< b's vector in every row
  sum_rows,            ///< column sums of a; with operand `scalar` the sum of all
  mse,                 ///< immediate * sum of (a - b)^2
  cross_entropy,       ///< immediate * sum over rows of -log softmax(a)[b]
  cross_entropy_grad,  ///< (softmax(a) - one_hot(b)) * immediate
};
inline constexpr int function_count = 12;
const char* to_string(Function function);

/// How operand b of a point-wise layer is shaped: not there; like a; one value per column; one value; one per row.
enum class Operand : std::uint8_t { none, elements, columns, scalar, rows };

/// How an element lies in memory.
enum class Storage : std::uint8_t { fp32, bf16, int32 };

/// Fields of a descriptor. `a`, `b`, `c`, `out` are streams: base address, bytes from step to step, number of steps
/// after which the address repeats, bytes from row to row.
enum class Field : std::uint8_t {
  engine,
  function,
  relu,
  flying,
  operand,
  storage_in,
  storage_out,
  clear,
  deliver,
  parts,
  a_transposed,
  b_transposed,
  a_reuse,
  b_reuse,
  a_release,
  b_release,
  wait_gemm,
  wait_pointwise,
  wait_update,
  rows,
  columns,
  depth,
  a_bank,
  a_banks,
  b_bank,
  b_banks,
  immediate,
  immediate2,
  tag,
  tag2,
  a_base,
  a_step,
  a_period,
  a_pitch,
  b_base,
  b_step,
  b_period,
  b_pitch,
  c_base,
  c_step,
  c_period,
  c_pitch,
  out_base,
  out_step,
  out_period,
  out_pitch,
};
inline constexpr int field_count = static_cast<int>(Field::out_pitch) + 1;

struct FieldInfo {
  Field field;
  std::string_view name;
  int bits;
  bool is_signed;
};
/// The table, in the order in which fields are packed.
std::span<const FieldInfo> fields();

/// 32-bit words of an encoded descriptor, which is also the number of registers that programming a layer writes.
inline constexpr int descriptor_words = 32;
inline constexpr std::size_t descriptor_bytes = 4 * descriptor_words;
using Encoded = std::array<std::uint32_t, descriptor_words>;

/// A layer. Fields are plain numbers; enums and fp32 immediates are stored by their code and bits.
class Descriptor {
 public:
  std::int64_t get(Field field) const { return values_[static_cast<std::size_t>(field)]; }
  void set(Field field, std::int64_t value) { values_[static_cast<std::size_t>(field)] = value; }
  bool flag(Field field) const { return get(field) != 0; }

  Engine engine() const { return static_cast<Engine>(get(Field::engine)); }
  Function function() const { return static_cast<Function>(get(Field::function)); }
  Operand operand() const { return static_cast<Operand>(get(Field::operand)); }
  float immediate(Field field = Field::immediate) const;
  void set_immediate(float value, Field field = Field::immediate);
  /// Layers of an engine, counted from the beginning of the step, that must be done before this one begins; 0 or less:
  /// counted back into the step before.
  std::int64_t wait(Engine of) const { return get(wait_field(of)); }
  static Field wait_field(Engine of);

  bool operator==(const Descriptor&) const = default;

 private:
  std::array<std::int64_t, field_count> values_{};
};

/// Throws std::out_of_range naming the field when a value does not fit its width.
Encoded encode(const Descriptor& descriptor);
/// Throws std::invalid_argument when a code names no engine, function, operand or storage.
Descriptor decode(std::span<const std::uint32_t, descriptor_words> words);
/// One line: engine, function, then every field that is not zero.
std::string disassemble(const Descriptor& descriptor);

}  // namespace triad::asic::isa
