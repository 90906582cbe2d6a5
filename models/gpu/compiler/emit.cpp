#include <vector>

#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

std::uint8_t real(const std::vector<int>& registers, int virtual_index, std::uint8_t if_none) {
  return virtual_index == none ? if_none
                               : static_cast<std::uint8_t>(registers[static_cast<std::size_t>(virtual_index)]);
}

Instruction assign(const Virtual& v, const Allocation& allocation) {
  Instruction i = v.base;
  const auto word = [&](int w) { return real(allocation.words, w, register_zero); };
  const auto predicate = [&](int p) { return real(allocation.predicates, p, predicate_true); };
  i.d = word(v.d);
  i.a = word(v.a);
  if (i.b_source == Source::reg && uses(i.op, field_b)) i.b = word(v.b);
  i.c = word(v.c);
  i.pd = predicate(v.pd);
  i.p.index = predicate(v.p);
  i.q.index = predicate(v.q);
  i.guard.index = predicate(v.guard);
  return i;
}

Instruction control_flow(Opcode op, int target, int selector) {
  Instruction i;
  i.op = op;
  if (target != none) {
    i.b_source = Source::immediate;
    i.b = static_cast<std::uint32_t>(target);
  }
  if (selector != none) i.selector = static_cast<std::uint8_t>(selector);
  return i;
}

}  // namespace

std::vector<Instruction> emit(const Program& program, const Allocation& allocation) {
  std::vector<Instruction> code;
  std::vector<std::uint32_t> begin(program.blocks.size(), 0);
  for (std::size_t b = 0; b < program.blocks.size(); ++b) {
    const Block& block = program.blocks[b];
    const int following = static_cast<int>(b) + 1;
    begin[b] = static_cast<std::uint32_t>(code.size());
    if (block.meet != none) code.push_back(control_flow(Opcode::bsync, none, block.meet));
    for (const Virtual& v : block.code) {
      const Instruction i = assign(v, allocation);
      if (i.op == Opcode::mov && i.b_source == Source::reg && i.b == i.d) continue;
      code.push_back(i);
    }
    for (const Block::Gather& g : block.gathers)
      code.push_back(control_flow(Opcode::bssy, g.block, g.convergence_register));
    if (block.exits()) {
      code.push_back(control_flow(Opcode::exit, none, none));
      continue;
    }
    if (block.taken != none) {
      const bool inverted = block.taken == following;  // then branch to the other one
      Instruction branch = control_flow(Opcode::bra, inverted ? block.next : block.taken, none);
      branch.guard.index = real(allocation.predicates, block.branch_predicate, predicate_true);
      branch.guard.negate = block.branch_negated != inverted;
      code.push_back(branch);
      if (inverted) continue;
    }
    if (block.next != following) code.push_back(control_flow(Opcode::bra, block.next, none));
  }
  for (Instruction& i : code)
    if (i.op == Opcode::bra || i.op == Opcode::bssy) i.b = begin[i.b];
  return code;
}

}  // namespace triad::gpu::compiler
