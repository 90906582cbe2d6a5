#pragma once
#include <cstdint>
#include <string>

#include "models/gpu/isa/opcodes.hpp"

/// Instructions as 128 bits and as text. Layout (bit of the lower or upper 64-bit word, width):
///   lower: opcode 0,8 | guard 8,3 | guard negated 11 | d 12,8 | a 20,8 | b 28,32 | source of b 60,2 | combine 62,2
///   upper: c 0,8 | pd 8,3 | p 11,3 | p negated 14 | q 15,3 | q negated 18 | negate a b c 19,3 | type 22,4 | compare
///   26,4 |
///          extended 30 | selector 31,8 | reserved 39,4 | stall 43,4 | yield 47 | write barrier 48,3 | read barrier
///          51,3 | wait mask 54,6 | reuse 60,3 | reserved 63
namespace triad::gpu {

struct Encoded {
  std::uint64_t lower = 0, upper = 0;
  bool operator==(const Encoded&) const = default;
};

/// Throws std::invalid_argument if the instruction is not one of the machine: a field that its opcode does not use is
/// set, a value is out of range, or a pair does not begin at an even register.
Encoded encode(const Instruction& instruction);
/// Throws std::invalid_argument if the bits are no instruction.
Instruction decode(const Encoded& bits);

/// "@!P0 IADD3 R4, R2, -R3, RZ" and, with `control`, the control bits after it: "{wait 01, stall 4, write 2}".
std::string disassemble(const Instruction& instruction, bool control = false);

}  // namespace triad::gpu
