#pragma once
#include <cstdint>

/// One instruction of the GPU's machine, decoded. README.md states the semantics, opcodes.hpp the table of opcodes.
namespace triad::gpu {

inline constexpr int warp_size = 32;
inline constexpr int max_registers = 255;           ///< R0 .. R254 can be allocated
inline constexpr std::uint8_t register_zero = 255;  ///< RZ: reads 0, writes are dropped
inline constexpr std::uint8_t predicate_true = 7;   ///< PT: reads true, writes are dropped
inline constexpr int dependence_barriers = 6;       ///< SB0 .. SB5, per warp
inline constexpr std::uint8_t no_barrier = 7;       ///< in Control: none is incremented
inline constexpr int convergence_registers = 16;    ///< B0 .. B15, per warp

/// What an opcode does is stated beside its row in opcodes.hpp.
enum class Opcode : std::uint8_t {
  nop,
  fadd,
  fmul,
  ffma,
  fmnmx,
  fsetp,
  iadd3,
  imad,
  imad_hi,
  imad_wide,
  imnmx,
  isetp,
  lop3,
  shl,
  shr,
  shf_l,
  shf_r,
  sel,
  mov,
  psetp,
  f2bf,
  f2h,
  h2f,
  s2r,
  i2f,
  f2i,
  mufu,
  ldg,
  stg,
  lds,
  sts,
  bra,
  bssy,
  bsync,
  bar,
  exit,
};

/// Type of an operation: signedness of integer arithmetic and comparison, width of a memory access (b64 and b128 use 2
/// and 4 consecutive registers; u8/u16 are extended with zeros, s8/s16 with the sign).
enum class Type : std::uint8_t { u32, s32, u8, s8, u16, s16, b64, b128 };

/// Comparisons. The ones that end in u are true when an operand is NaN; num: neither is NaN; nan: one is. Integer
/// comparisons use the first six.
enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge, equ, neu, ltu, leu, gtu, geu, num, nan };

/// How a setp combines its comparison with predicate p.
enum class Combine : std::uint8_t { logical_and, logical_or, logical_xor };

/// Function of mufu.
enum class Function : std::uint8_t { ex2, lg2, rcp, rsq, sqrt };

/// What s2r reads.
enum class Special : std::uint8_t {
  tid_x,
  tid_y,
  tid_z,
  ctaid_x,
  ctaid_y,
  ctaid_z,
  ntid_x,
  ntid_y,
  ntid_z,
  nctaid_x,
  nctaid_y,
  nctaid_z,
  laneid,
  warpid,
};

/// Where operand b comes from: register `b`, the value `b` itself, or the constant bank's word at byte offset `b`.
enum class Source : std::uint8_t { reg, immediate, constant };

/// A predicate as a source: P0..P6 or PT, possibly negated.
struct PredicateSource {
  std::uint8_t index = predicate_true;
  bool negate = false;
  bool operator==(const PredicateSource&) const = default;
};

/// The control bits that the compiler sets; the hardware checks no dependence by itself.
/// Source: Huerta et al., "Analyzing Modern NVIDIA GPU cores", 2025, section on the control bits.
struct Control {
  std::uint8_t stall = 1;                   ///< cycles until this warp may issue its next instruction, 1..15
  bool yield = false;                       ///< the scheduler should prefer another warp in the next cycle
  std::uint8_t write_barrier = no_barrier;  ///< incremented at issue, decremented when the result is written
  std::uint8_t read_barrier = no_barrier;   ///< incremented at issue, decremented when the source registers were read
  std::uint8_t wait_mask = 0;               ///< bit i: do not issue while dependence barrier i is not zero
  std::uint8_t reuse = 0;                   ///< bit 0, 1, 2: keep register operand a, b, c in the operand reuse cache
  bool operator==(const Control&) const = default;
};

/// A decoded instruction. Fields that an opcode does not use (opcodes.hpp) have their default value.
struct Instruction {
  Opcode op = Opcode::nop;
  PredicateSource guard;           ///< lanes where it is false do nothing
  std::uint8_t d = register_zero;  ///< destination, or first register of a pair or quadruple (aligned)
  std::uint8_t a = register_zero;  ///< first source; the address of a memory access (ldg, stg: a pair)
  Source b_source = Source::reg;
  std::uint32_t b = register_zero;   ///< second source; a memory access's byte offset (signed); a branch's target, an
                                     ///< index into the kernel's code
  std::uint8_t c = register_zero;    ///< third source; the data of a store
  std::uint8_t pd = predicate_true;  ///< destination predicate
  PredicateSource p;                 ///< source predicate
  PredicateSource q;                 ///< second source predicate
  bool negate_a = false, negate_b = false, negate_c = false;
  Type type = Type::u32;
  Compare compare = Compare::eq;
  Combine combine = Combine::logical_and;
  bool extended = false;      ///< .X: the upper half of a 64-bit addition or comparison
  std::uint8_t selector = 0;  ///< lop3: truth table; mufu: Function; s2r: Special; bssy, bsync: Bn; bar: barrier
  Control control;
  bool operator==(const Instruction&) const = default;
};

}  // namespace triad::gpu
