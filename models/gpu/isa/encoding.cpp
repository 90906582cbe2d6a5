#include "models/gpu/isa/encoding.hpp"

#include <stdexcept>

namespace triad::gpu {
namespace {

[[noreturn]] void refuse(const Instruction& i, const std::string& what) {
  const bool known = static_cast<std::size_t>(i.op) < opcode_table.size();
  throw std::invalid_argument("instruction " + (known ? std::string(info(i.op).mnemonic) : "?") + ": " + what);
}

/// Both directions in one place: a visitor is called with every field, its word, position and width.
template <class I, class F>
void for_each_field(I& i, F&& f) {
  f(0, 0, 8, i.op);
  f(0, 8, 3, i.guard.index);
  f(0, 11, 1, i.guard.negate);
  f(0, 12, 8, i.d);
  f(0, 20, 8, i.a);
  f(0, 28, 32, i.b);
  f(0, 60, 2, i.b_source);
  f(0, 62, 2, i.combine);
  f(1, 0, 8, i.c);
  f(1, 8, 3, i.pd);
  f(1, 11, 3, i.p.index);
  f(1, 14, 1, i.p.negate);
  f(1, 15, 3, i.q.index);
  f(1, 18, 1, i.q.negate);
  f(1, 19, 1, i.negate_a);
  f(1, 20, 1, i.negate_b);
  f(1, 21, 1, i.negate_c);
  f(1, 22, 4, i.type);
  f(1, 26, 4, i.compare);
  f(1, 30, 1, i.extended);
  f(1, 31, 8, i.selector);
  f(1, 43, 4, i.control.stall);
  f(1, 47, 1, i.control.yield);
  f(1, 48, 3, i.control.write_barrier);
  f(1, 51, 3, i.control.read_barrier);
  f(1, 54, 6, i.control.wait_mask);
  f(1, 60, 3, i.control.reuse);
}

bool is_barrier(std::uint8_t index) {
  return index < dependence_barriers || index == no_barrier;
}

void check(const Instruction& i) {
  if (static_cast<std::size_t>(i.op) >= opcode_table.size()) refuse(i, "unknown opcode");
  const Instruction plain;
  const auto unused = [&](std::uint32_t field, bool is_default, const char* name) {
    if (!uses(i.op, field) && !is_default) refuse(i, std::string("takes no ") + name);
  };
  unused(field_d, i.d == plain.d, "d");
  unused(field_a, i.a == plain.a, "a");
  unused(field_b, i.b == plain.b && i.b_source == plain.b_source, "b");
  unused(field_c, i.c == plain.c, "c");
  unused(field_pd, i.pd == plain.pd, "destination predicate");
  unused(field_p, i.p == plain.p, "source predicate p");
  unused(field_q, i.q == plain.q, "source predicate q");
  unused(field_negate_a, !i.negate_a, "negation of a");
  unused(field_negate_b, !i.negate_b, "negation of b");
  unused(field_negate_c, !i.negate_c, "negation of c");
  unused(field_type, i.type == plain.type, "type");
  unused(field_compare, i.compare == plain.compare, "comparison");
  unused(field_combine, i.combine == plain.combine, "combination");
  unused(field_extended, !i.extended, ".X");
  unused(field_selector, i.selector == 0, "selector");
  if (i.type > Type::b128 || i.compare > Compare::nan || i.combine > Combine::logical_xor ||
      i.b_source > Source::constant)
    refuse(i, "a modifier is out of range");
  if (uses(i.op, field_b) && i.b_source == Source::reg && i.b > register_zero) refuse(i, "register b is out of range");
  if (!is_memory(i.op) && i.type > Type::s32) refuse(i, "the type is one of a memory access");
  if (i.op == Opcode::isetp && i.compare > Compare::ge) refuse(i, "the comparison is one of fp32");
  if (is_memory(i.op) && i.b_source != Source::immediate) refuse(i, "the offset b is an immediate");
  if ((i.op == Opcode::bra || i.op == Opcode::bssy) && i.b_source != Source::immediate)
    refuse(i, "the target is an immediate");
  if (i.op == Opcode::mufu && i.selector > static_cast<std::uint8_t>(Function::sqrt)) refuse(i, "unknown function");
  if (i.op == Opcode::s2r && i.selector > static_cast<std::uint8_t>(Special::warpid))
    refuse(i, "unknown special register");
  if ((i.op == Opcode::bssy || i.op == Opcode::bsync || i.op == Opcode::bar) && i.selector >= convergence_registers)
    refuse(i, "the barrier's number is out of range");
  const auto aligned = [&](std::uint8_t first, int count, const char* name) {
    if (count == 1 || first == register_zero) return;
    if (first % count != 0 || first + count > max_registers)
      refuse(i, std::string(name) + " names " + std::to_string(count) + " registers and must be a multiple of that");
  };
  if (uses(i.op, field_d)) aligned(i.d, d_registers(i), "d");
  if (uses(i.op, field_a)) aligned(i.a, a_registers(i), "a");
  if (uses(i.op, field_c)) aligned(i.c, c_registers(i), "c");
  if (i.control.stall < 1 || i.control.stall > 15) refuse(i, "the stall count is not 1..15");
  if (!is_barrier(i.control.write_barrier) || !is_barrier(i.control.read_barrier))
    refuse(i, "no such dependence barrier");
}

}  // namespace

Encoded encode(const Instruction& instruction) {
  check(instruction);
  std::uint64_t words[2] = {0, 0};
  for_each_field(instruction, [&](int word, int position, int width, auto value) {
    const auto bits = static_cast<std::uint64_t>(value);
    if (width < 64 && (bits >> width) != 0) refuse(instruction, "a field does not fit its bits");
    words[word] |= bits << position;
  });
  return {words[0], words[1]};
}

Instruction decode(const Encoded& bits) {
  const std::uint64_t words[2] = {bits.lower, bits.upper};
  Instruction i;
  for_each_field(i, [&](int word, int position, int width, auto& value) {
    const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
    value = static_cast<std::remove_reference_t<decltype(value)>>((words[word] >> position) & mask);
  });
  check(i);
  if (encode(i) != bits) refuse(i, "a reserved bit is set");
  return i;
}

}  // namespace triad::gpu
