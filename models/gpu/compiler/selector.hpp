#pragma once
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "models/gpu/compiler/error.hpp"
#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {

/// Truth tables of lop3 for operands a and b.
inline constexpr std::uint8_t and_table = 0xc0, or_table = 0xfc, xor_table = 0x3c, not_a_table = 0x0f;

/// Selects machine instructions for the statements of one PTX function, one after the other.
class Selector {
 public:
  explicit Selector(const ptx::Function& function) : function_(function) {}

  Program run();

 private:
  using Operand = ptx::Operand;

  /// A value of 32 bits as a source: a word, an immediate or a word of the constant bank.
  struct Value {
    Source source = Source::immediate;
    int word = none;
    std::uint32_t bits = 0;
  };

  [[noreturn]] void unsupported(const std::string& what) const { throw CompileError(line_, what); }
  [[noreturn]] void unsupported_opcode() const { unsupported("opcode " + opcode_ + " is not supported"); }

  void lay_out_variables();

  /// Numbers the blocks: one begins at every label and after every branch.
  void find_blocks();

  Block& block() { return program_.blocks[static_cast<std::size_t>(block_)]; }

  void begin_block();

  void statement(const ptx::Statement& s);

  // Operands.

  const Operand& operand(std::size_t i) const;
  /// "b32", "f32", "b64", "pred", ...: by the longest declared prefix that the name begins with.
  const std::string& type_of(const std::string& name) const;
  int word(const std::string& name);
  int pair(const std::string& name);
  int predicate(const std::string& name);
  int d() { return word(operand(0).text); }
  int d_pair() { return pair(operand(0).text); }
  int d_predicate() { return predicate(operand(0).text); }

  Value value(std::size_t i);
  /// The lower (part 0) or upper half of operand i of 64 bits.
  Value half(std::size_t i, int part);
  static Value register_value(int word) { return {Source::reg, word, 0}; }
  static Value immediate(std::uint32_t bits) { return {Source::immediate, none, bits}; }
  /// A zero is RZ and needs no register.
  int in_register(const Value& v);

  // Machine instructions.

  Virtual& append(Opcode op);
  static void set_b(Virtual& v, const Value& b);
  void move(int d, const Value& b);
  /// d = op(a, b[, c])
  Virtual& compute(Opcode op, int d, const Value& a, const Value& b, const Value& c = {Source::reg, none, 0});
  /// As compute(), for operations where a and b may be exchanged: a constant goes to b.
  Virtual& commute(Opcode op, int d, const Value& a, const Value& b, const Value& c = {Source::reg, none, 0});
  void logic(int d, const Value& a, const Value& b, std::uint8_t table);
  void special_function(Function function, int d, const Value& b);

  /// d = a + b or a - b of 64 bits: the lower halves with a carry into a predicate, then the upper ones with it.
  void add_pairs(int d, bool subtract);

  void shift(Opcode op, Type type);
  /// Shift of 64 bits by a constant.
  void shift_pair(bool left, bool arithmetic);

  /// Product of 64 x 64 bits, lower 64: low * low in full, plus the crossed products in the upper half.
  void multiply_pairs();

  Virtual& multiply_wide(Type type, const Value& c);

  void select_half(int d, Value a, Value b);

  void minimum_or_maximum(Opcode op, bool minimum, Type type);

  static Compare compare_of(std::string_view name);
  static Compare exchanged(Compare c);
  Virtual& set_predicate(Opcode op, Compare compare, Value a, Value b, int pd);

  /// setp.COMPARE.TYPE p, a, b
  void set_predicate();

  void predicate_logic(Combine combine);
  void move_predicate(bool negate);

  /// ld and st: "ld.global.nc.f32" and its like.
  void access(bool load);
  int store_pair();
  void load_parameter(const Operand& memory, Type type);

  void move_from_special(const std::string& name);
  bool is_special(const Operand& o) const;

  /// Steps towards a result are made in all lanes: only the last one keeps the statement's guard. A register that is
  /// written in some lanes only counts as live before, with what was in it.
  class Unguarded {
   public:
    explicit Unguarded(Selector& selector) : selector_(selector), guard_(std::exchange(selector.guard_, none)) {}
    ~Unguarded() { last(); }
    void last() const { selector_.guard_ = guard_; }

   private:
    Selector& selector_;
    int guard_;
  };

  /// a / b within 2 units in the last place for all b: both are scaled by a power of two where 1 / b would leave the
  /// range of normal numbers. |b| > 2^126: by 2^-4; |b| < 2^-100: by 2^32.
  void divide_full();

  /// a / b rounded to nearest even: the quotient a (1 / b) corrected by its remainder. Where |a| < 2^-100 or the
  /// quotient is subnormal the remainder is not exact: within 1 unit in the last place.
  void divide_to_nearest();
  /// The operands of a division, scaled alike by a power of two so that 1 / b is a normal number, and 1 / b.
  struct Fraction {
    Value a, b, reciprocal;
  };
  Fraction scaled_fraction();

  /// min.NaN, max.NaN: NaN if an operand is.
  void extremum_with_nan(bool minimum);

  void instruction();
  bool integer_instruction();
  bool float_instruction();
  bool convert_instruction();
  bool move_instruction();

  const ptx::Function& function_;
  Program program_;
  std::map<std::string, int> labels_, words_, predicates_;
  std::map<std::string, std::uint32_t> shared_;
  const ptx::Statement* statement_ = nullptr;
  std::string opcode_;
  int block_ = 0, line_ = 0, guard_ = none;
  bool ended_ = false, empty_ = true;
};

}  // namespace triad::gpu::compiler
