#pragma once
#include <array>
#include <string>
#include <vector>

#include "models/gpu/isa/kernel.hpp"
#include "models/gpu/isa/opcodes.hpp"

/// A kernel on its way from PTX to machine code: machine instructions on virtual registers, in basic blocks.
namespace triad::gpu::compiler {

inline constexpr int none = -1;

/// A machine instruction whose registers are virtual: words (32 bits; of a pair the lower word, the upper one is the
/// next word) and predicates, `none` where the instruction has RZ or PT. `base` holds everything else.
struct Virtual {
  Instruction base;
  int d = none, a = none, b = none, c = none;  ///< b: only if base.b_source is reg
  int pd = none, p = none, q = none, guard = none;
  int line = 0;  ///< of the PTX
};

/// How a block ends: falls or jumps to `next`, with a branch also to `taken` where the predicate holds; or exits.
struct Block {
  std::vector<Virtual> code;  ///< without the instructions of control flow at its end
  int next = none;
  int taken = none, branch_predicate = none;
  bool branch_negated = false;
  int line = 0;  ///< of its last PTX statement
  // Set by converge():
  int meet = none;  ///< convergence register that is waited for at the block's begin
  /// Convergence registers that are set before the branch at the block's end, and the blocks where their lanes meet.
  struct Gather {
    int convergence_register, block;
  };
  std::vector<Gather> gathers;

  bool exits() const { return next == none; }
  std::vector<int> successors() const {
    if (exits()) return {};
    if (taken == none || taken == next) return {next};
    return {next, taken};
  }
};

struct Program {
  std::string name;
  std::vector<Block> blocks;  ///< block 0 is the entry
  int words = 0;              ///< virtual words
  int predicates = 0;         ///< virtual predicates
  std::vector<Parameter> parameters;
  int parameter_bytes = 0, shared_bytes = 0;

  int new_word() { return words++; }
  int new_pair() {
    words += 2;
    return words - 2;
  }
  int new_predicate() { return predicates++; }
};

/// Calls f(word, count) for every register operand that the instruction reads: of a pair the lower word, count 2.
template <class V, class F>
void for_each_source(V& i, F&& f) {
  if (i.a != none) f(i.a, a_registers(i.base));
  if (i.b != none) f(i.b, 1);
  if (i.c != none) f(i.c, c_registers(i.base));
}
template <class V, class F>
void for_each_source_predicate(V& i, F&& f) {
  if (i.p != none) f(i.p);
  if (i.q != none) f(i.q);
  if (i.guard != none) f(i.guard);
}
/// Calls f(word) for every word that the instruction reads (writes).
template <class F>
void for_each_word_read(const Virtual& i, F&& f) {
  for_each_source(i, [&](int word, int count) {
    for (int part = 0; part < count; ++part) f(word + part);
  });
}
template <class F>
void for_each_word_written(const Virtual& i, F&& f) {
  if (i.d == none) return;
  for (int part = 0; part < d_registers(i.base); ++part) f(i.d + part);
}
/// Has it an effect beyond the registers that it writes?
inline bool has_effect(const Virtual& i) {
  return is_store(i.base.op) || i.base.op == Opcode::bar;
}

}  // namespace triad::gpu::compiler
