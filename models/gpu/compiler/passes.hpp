#pragma once
#include <vector>

#include "models/gpu/compiler/program.hpp"
#include "models/gpu/compiler/ptx.hpp"

/// The passes of the compiler, in their order. Each is deterministic; none includes SystemC.
namespace triad::gpu::compiler {

/// PTX statements to machine instructions on virtual registers, in blocks. Throws CompileError with opcode and line.
Program select(const ptx::Function& function);

/// Folds constants and parameters into operand b, copies into their uses, and address arithmetic into imad.wide;
/// removes what is computed for nothing.
void simplify(Program& program);

/// The first place where a branch, an address or the guard of an access depends on a value loaded from memory ("PTX
/// line 12: a branch"), whatever the memory holds; empty if there is none. Shared memory counts as loaded values only
/// if such are stored there.
std::string data_dependence(const Program& program);

/// Immediate post-dominator of every block (none: the exit). Every block must be reachable.
std::vector<int> immediate_post_dominators(const Program& program);
/// Immediate dominator of every block (none for the entry).
std::vector<int> immediate_dominators(const Program& program);

/// Removes unreachable blocks and empty ones, and puts the rest into an order in which every block but a loop's header
/// comes after its predecessors (reverse postorder).
void arrange(Program& program);

/// Which blocks end in a branch that lanes of one warp may take differently.
std::vector<bool> divergent_branches(const Program& program);

/// Gives every divergent branch its point of reconvergence: bssy before it, bsync at its immediate post-dominator.
/// Throws CompileError if there are more such points than convergence registers.
void converge(Program& program);

/// Words and predicates that are live at the end of each block.
struct Liveness {
  std::vector<std::vector<bool>> words_out, predicates_out;
};
Liveness liveness(const Program& program);

/// Cycles after which a result is expected: what is urgent follows from it. Correctness does not; that is the control
/// bits'.
int expected_latency(const Instruction& instruction);

/// Reorders each block so that long latencies overlap with other work: loads early, as far as registers allow.
void schedule(Program& program);

/// Real registers of every virtual one.
struct Allocation {
  std::vector<int> words, predicates;
  int registers = 0;  ///< highest register + 1
};
/// Colours the interference graph. Predicates beyond the seven that exist are kept in registers, as 0 or 1 (this adds
/// instructions to the program). Throws CompileError if more than `max_registers` registers are needed.
Allocation allocate(Program& program, int max_registers);

/// Final code: registers assigned, moves onto themselves dropped, branches with targets.
std::vector<Instruction> emit(const Program& program, const Allocation& allocation);

/// Sets the control bits of the whole code: stalls for fixed latencies, dependence barriers for variable ones.
void set_control_bits(std::vector<Instruction>& code);

}  // namespace triad::gpu::compiler
