#include <fmt/format.h>

#include "models/gpu/isa/encoding.hpp"

namespace triad::gpu {
namespace {

constexpr const char* types[] = {"U32", "S32", "U8", "S8", "U16", "S16", "64", "128"};
constexpr const char* compares[] = {"EQ",  "NE",  "LT",  "LE",  "GT",  "GE",  "EQU",
                                    "NEU", "LTU", "LEU", "GTU", "GEU", "NUM", "NAN"};
constexpr const char* combines[] = {"AND", "OR", "XOR"};
constexpr const char* functions[] = {"EX2", "LG2", "RCP", "RSQ", "SQRT"};
constexpr const char* specials[] = {"TID.X",  "TID.Y",  "TID.Z",    "CTAID.X",  "CTAID.Y",  "CTAID.Z", "NTID.X",
                                    "NTID.Y", "NTID.Z", "NCTAID.X", "NCTAID.Y", "NCTAID.Z", "LANEID",  "WARPID"};

std::string register_name(std::uint32_t index) {
  return index == register_zero ? "RZ" : fmt::format("R{}", index);
}
std::string predicate_name(std::uint8_t index) {
  return index == predicate_true ? "PT" : fmt::format("P{}", index);
}
std::string source_name(const PredicateSource& p) {
  return (p.negate ? "!" : "") + predicate_name(p.index);
}

std::string b_name(const Instruction& i) {
  switch (i.b_source) {
    case Source::reg:
      return register_name(i.b);
    case Source::immediate:
      return fmt::format("{:#x}", i.b);
    case Source::constant:
      return fmt::format("c[{:#x}]", i.b);
  }
  return "?";
}

std::string mnemonic(const Instruction& i) {
  std::string text(info(i.op).mnemonic);
  if (uses(i.op, field_compare)) text += fmt::format(".{}", compares[static_cast<int>(i.compare)]);
  if (uses(i.op, field_type) && i.type != Type::u32) text += fmt::format(".{}", types[static_cast<int>(i.type)]);
  if (uses(i.op, field_combine) && (i.combine != Combine::logical_and || i.op == Opcode::psetp))
    text += fmt::format(".{}", combines[static_cast<int>(i.combine)]);
  if (i.extended) text += ".X";
  if (i.op == Opcode::mufu) text += fmt::format(".{}", functions[i.selector]);
  return text;
}

}  // namespace

std::string disassemble(const Instruction& i, bool control) {
  std::string text;
  if (i.guard != PredicateSource{}) text += "@" + source_name(i.guard) + " ";
  text += mnemonic(i);
  std::string separator = " ";
  const auto add = [&](const std::string& operand) {
    text += separator + operand;
    separator = ", ";
  };
  if (uses(i.op, field_pd) && (i.pd != predicate_true || !uses(i.op, field_d))) add(predicate_name(i.pd));
  if (uses(i.op, field_d)) add(register_name(i.d));
  if (is_memory(i.op)) {
    const auto offset = static_cast<std::int32_t>(i.b);
    add(fmt::format("[{}{}]", register_name(i.a), offset == 0 ? "" : fmt::format("{:+d}", offset)));
    if (uses(i.op, field_c)) add(register_name(i.c));
  } else if (i.op == Opcode::bra) {
    add(fmt::format("{}", i.b));
  } else if (i.op == Opcode::bssy) {
    add(fmt::format("B{}", i.selector));
    add(fmt::format("{}", i.b));
  } else if (i.op == Opcode::bsync) {
    add(fmt::format("B{}", i.selector));
  } else {
    if (uses(i.op, field_a)) add((i.negate_a ? "-" : "") + register_name(i.a));
    if (uses(i.op, field_b)) add((i.negate_b ? "-" : "") + b_name(i));
    if (uses(i.op, field_c)) add((i.negate_c ? "-" : "") + register_name(i.c));
    if (i.op == Opcode::lop3) add(fmt::format("{:#04x}", i.selector));
    if (i.op == Opcode::s2r) add(specials[i.selector]);
    if (i.op == Opcode::bar) add(fmt::format("{}", i.selector));
  }
  const bool shows_p =
      uses(i.op, field_p) && (i.p != PredicateSource{} || !uses(i.op, field_pd) || i.op == Opcode::psetp);
  if (shows_p) add(source_name(i.p));
  if (uses(i.op, field_q)) add(source_name(i.q));
  if (!control) return text;
  text += fmt::format(" {{stall {}", i.control.stall);
  if (i.control.yield) text += ", yield";
  if (i.control.wait_mask != 0) text += fmt::format(", wait {:#x}", i.control.wait_mask);
  if (i.control.write_barrier != no_barrier) text += fmt::format(", write {}", i.control.write_barrier);
  if (i.control.read_barrier != no_barrier) text += fmt::format(", read {}", i.control.read_barrier);
  if (i.control.reuse != 0) text += fmt::format(", reuse {:#x}", i.control.reuse);
  return text + "}";
}

}  // namespace triad::gpu
