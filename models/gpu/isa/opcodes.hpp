#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "models/gpu/isa/instruction.hpp"

/// The one table of the instruction set. Encoder, decoder, disassembler, compiler and pipelines read it.
namespace triad::gpu {

/// Which execution pipe takes the instruction. `control` is executed by the issue stage itself.
enum class Pipe : std::uint8_t { fp32, integer, sfu, memory, control };

/// Fields of an instruction that an opcode uses.
enum Field : std::uint32_t {
  field_d = 1,
  field_a = 2,
  field_b = 4,
  field_c = 8,
  field_pd = 16,
  field_p = 32,
  field_q = 64,
  field_negate_a = 128,
  field_negate_b = 256,
  field_negate_c = 512,
  field_type = 1024,
  field_compare = 2048,
  field_combine = 4096,
  field_extended = 8192,
  field_selector = 16384,
};

struct OpcodeInfo {
  Opcode op;
  std::string_view mnemonic;
  Pipe pipe;
  /// Fixed latency: an instruction that issues this many cycles later (or more) reads the result; the compiler keeps
  /// the distance by stall counts. 0: variable latency, kept by dependence barriers (or no result).
  int latency_cycles;
  std::uint32_t fields;
  int d_registers, a_registers, c_registers;  ///< 1, 2 (a pair); 0: as many as `type` needs
};

namespace detail {
inline constexpr std::uint32_t fields_da = field_d | field_a, fields_dab = fields_da | field_b,
                               fields_dabc = fields_dab | field_c, fields_negate_ab = field_negate_a | field_negate_b,
                               fields_setp = field_pd | field_a | field_b | field_p | field_compare | field_combine;
}  // namespace detail

/// Latencies: 4 cycles for fp32 and integer arithmetic, dependent issue, on A100 (Abdelkhalik et al., arXiv
/// 2208.11174); 5 for the 64-bit result of imad.wide, as Volta's imad (Jia et al., arXiv 1804.06826).
inline constexpr auto opcode_table = [] {
  using enum Opcode;
  using namespace detail;
  return std::array{
      // No operation.
      OpcodeInfo{nop, "NOP", Pipe::control, 0, 0, 1, 1, 1},
      // d = a + b, a * b, fused a * b + c in fp32: nearest even, subnormals kept, canonical NaN.
      OpcodeInfo{fadd, "FADD", Pipe::fp32, 4, fields_dab | fields_negate_ab, 1, 1, 1},
      OpcodeInfo{fmul, "FMUL", Pipe::fp32, 4, fields_dab | fields_negate_ab, 1, 1, 1},
      OpcodeInfo{ffma, "FFMA", Pipe::fp32, 4, fields_dabc | fields_negate_ab | field_negate_c, 1, 1, 1},
      // d = p ? min(a, b) : max(a, b); a NaN loses against a number; -0 < +0.
      OpcodeInfo{fmnmx, "FMNMX", Pipe::integer, 4, fields_dab | field_p | fields_negate_ab, 1, 1, 1},
      // pd = compare(a, b) combined with p, as fp32.
      OpcodeInfo{fsetp, "FSETP", Pipe::integer, 4, fields_setp | fields_negate_ab, 1, 1, 1},
      // d = a + b + c; pd = carry out; .X adds carry p. Negation: the two's complement, with .X the one's complement.
      OpcodeInfo{iadd3, "IADD3", Pipe::integer, 4,
                 fields_dabc | field_pd | field_p | fields_negate_ab | field_negate_c | field_extended, 1, 1, 1},
      // Lower half of a * b, plus c; upper half (signed or not by type), plus c; all 64 bits plus the pair c, into pair
      // d.
      OpcodeInfo{imad, "IMAD", Pipe::integer, 4, fields_dabc, 1, 1, 1},
      OpcodeInfo{imad_hi, "IMAD.HI", Pipe::integer, 5, fields_dabc | field_type, 1, 1, 1},
      OpcodeInfo{imad_wide, "IMAD.WIDE", Pipe::integer, 5, fields_dabc | field_type, 2, 1, 2},
      // d = p ? min(a, b) : max(a, b).
      OpcodeInfo{imnmx, "IMNMX", Pipe::integer, 4, fields_dab | field_p | field_type, 1, 1, 1},
      // pd = compare(a, b) combined with p; .X (upper half): pd = a == b ? p : compare(a, b).
      OpcodeInfo{isetp, "ISETP", Pipe::integer, 4, fields_setp | field_type | field_extended, 1, 1, 1},
      // Bitwise: bit = selector >> (a << 2 | b << 1 | c) & 1.
      OpcodeInfo{lop3, "LOP3", Pipe::integer, 4, fields_dabc | field_selector, 1, 1, 1},
      // a << b, a >> b (s32: arithmetic); counts of 32 and more shift everything out.
      OpcodeInfo{shl, "SHL", Pipe::integer, 4, fields_dab, 1, 1, 1},
      OpcodeInfo{shr, "SHR", Pipe::integer, 4, fields_dab | field_type, 1, 1, 1},
      // Funnel: the upper word of (c:a) << b; the lower word of (c:a) >> b; c is the upper half, b is taken as at
      // most 32.
      OpcodeInfo{shf_l, "SHF.L", Pipe::integer, 4, fields_dabc, 1, 1, 1},
      OpcodeInfo{shf_r, "SHF.R", Pipe::integer, 4, fields_dabc, 1, 1, 1},
      // d = p ? a : b; d = b; pd = p combined with q.
      OpcodeInfo{sel, "SEL", Pipe::integer, 4, fields_dab | field_p, 1, 1, 1},
      OpcodeInfo{mov, "MOV", Pipe::integer, 4, field_d | field_b, 1, 1, 1},
      OpcodeInfo{psetp, "PSETP", Pipe::integer, 4, field_pd | field_p | field_q | field_combine, 1, 1, 1},
      // The 16 bits of b rounded to bf16 (sim/numerics), upper half zero.
      OpcodeInfo{f2bf, "F2BF", Pipe::integer, 4, field_d | field_b, 1, 1, 1},
      // The same with fp16; the fp32 of the fp16 in the lower 16 bits of b, exactly.
      OpcodeInfo{f2h, "F2H", Pipe::integer, 4, field_d | field_b, 1, 1, 1},
      OpcodeInfo{h2f, "H2F", Pipe::integer, 4, field_d | field_b, 1, 1, 1},
      // d = special register `selector`.
      OpcodeInfo{s2r, "S2R", Pipe::sfu, 0, field_d | field_selector, 1, 1, 1},
      // fp32 of the integer b, nearest even; integer of the fp32 b toward zero, saturating, NaN to 0. Type: of the
      // integer.
      OpcodeInfo{i2f, "I2F", Pipe::sfu, 0, field_d | field_b | field_type, 1, 1, 1},
      OpcodeInfo{f2i, "F2I", Pipe::sfu, 0, field_d | field_b | field_type, 1, 1, 1},
      // d = Function `selector` of b.
      OpcodeInfo{mufu, "MUFU", Pipe::sfu, 0, field_d | field_b | field_selector | field_negate_b, 1, 1, 1},
      // Global memory at pair a + b; shared memory at a + b. b is a signed immediate; the address is aligned to the
      // type.
      OpcodeInfo{ldg, "LDG", Pipe::memory, 0, fields_dab | field_type, 0, 2, 1},
      OpcodeInfo{stg, "STG", Pipe::memory, 0, field_a | field_b | field_c | field_type, 1, 2, 0},
      OpcodeInfo{lds, "LDS", Pipe::memory, 0, fields_dab | field_type, 0, 1, 1},
      OpcodeInfo{sts, "STS", Pipe::memory, 0, field_a | field_b | field_c | field_type, 1, 1, 0},
      // Lanes whose guard holds go to instruction b, the others fall through.
      OpcodeInfo{bra, "BRA", Pipe::control, 0, field_b, 1, 1, 1},
      // Convergence: add the active lanes to Bn, b is where they will meet; wait for all lanes of Bn.
      OpcodeInfo{bssy, "BSSY", Pipe::control, 0, field_b | field_selector, 1, 1, 1},
      OpcodeInfo{bsync, "BSYNC", Pipe::control, 0, field_selector, 1, 1, 1},
      // Wait for all threads of the block that have not exited, at barrier `selector`.
      OpcodeInfo{bar, "BAR.SYNC", Pipe::control, 0, field_selector, 1, 1, 1},
      OpcodeInfo{Opcode::exit, "EXIT", Pipe::control, 0, 0, 1, 1, 1},
  };
}();

namespace detail {
constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < opcode_table.size(); ++i)
    if (static_cast<std::size_t>(opcode_table[i].op) != i) return false;
  return true;
}
static_assert(table_is_in_order(), "row i of the table describes opcode i");
}  // namespace detail

inline constexpr const OpcodeInfo& info(Opcode op) {
  return opcode_table[static_cast<std::size_t>(op)];
}
inline constexpr bool uses(Opcode op, std::uint32_t field) {
  return (info(op).fields & field) != 0;
}

/// Registers of 32 bits that a value of this type fills.
inline constexpr int registers_of(Type type) {
  return type == Type::b128 ? 4 : type == Type::b64 ? 2 : 1;
}
/// Bytes that a memory access of this type moves per lane.
inline constexpr int bytes_of(Type type) {
  switch (type) {
    case Type::u8:
    case Type::s8:
      return 1;
    case Type::u16:
    case Type::s16:
      return 2;
    case Type::u32:
    case Type::s32:
      return 4;
    case Type::b64:
      return 8;
    case Type::b128:
      return 16;
  }
  return 0;
}

/// How many consecutive registers operand d, a or c of this instruction names.
inline constexpr int d_registers(const Instruction& i) {
  return info(i.op).d_registers != 0 ? info(i.op).d_registers : registers_of(i.type);
}
inline constexpr int a_registers(const Instruction& i) {
  return info(i.op).a_registers;
}
inline constexpr int c_registers(const Instruction& i) {
  return info(i.op).c_registers != 0 ? info(i.op).c_registers : registers_of(i.type);
}

/// Memory accesses.
inline constexpr bool is_load(Opcode op) {
  return op == Opcode::ldg || op == Opcode::lds;
}
inline constexpr bool is_store(Opcode op) {
  return op == Opcode::stg || op == Opcode::sts;
}
inline constexpr bool is_memory(Opcode op) {
  return is_load(op) || is_store(op);
}

}  // namespace triad::gpu
