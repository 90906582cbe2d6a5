#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/gpu/isa/instruction.hpp"

/// PTX as text, parsed: the subset that clang writes for kernels (one instruction a statement, no functions, no debug
/// information). Source of the language: "Parallel Thread Execution ISA", version 7.5.
namespace triad::gpu::ptx {

/// An operand. `text` is the register ("%r1"), label, symbol or special register ("%tid.x"); of a memory operand the
/// base.
struct Operand {
  enum class Kind { name, immediate, memory } kind = Kind::name;
  std::string text;
  std::int64_t value = 0;  ///< immediate: its bits; memory: the offset in bytes
};

struct Statement {
  int line = 0;
  std::string label;   ///< a label stands alone: no opcode
  std::string opcode;  ///< with its modifiers: "ld.global.f32"
  std::string guard;   ///< predicate register, or empty
  bool guard_negated = false;
  std::vector<Operand> operands;
};

struct Variable {
  std::string name;
  int bytes = 0, alignment = 1;
};

struct Function {
  int line = 0;
  std::string name;
  std::vector<Variable> parameters;
  std::map<std::string, std::string> registers;  ///< type by prefix: "%r" -> "b32" for `.reg .b32 %r<54>;`
  std::vector<Variable> shared;                  ///< of the function and of the module
  std::vector<Statement> body;
};

/// The kernels (.entry) of a PTX text, in their order. Throws CompileError with the line.
std::vector<Function> parse(const std::string& text);

}  // namespace triad::gpu::ptx
