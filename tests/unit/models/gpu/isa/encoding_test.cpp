#include "models/gpu/isa/encoding.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <stdexcept>

namespace triad::gpu {
namespace {

template <class T>
T below(int count) {
  return static_cast<T>(*rc::gen::inRange(0, count));
}
PredicateSource any_predicate() {
  return {below<std::uint8_t>(8), *rc::gen::arbitrary<bool>()};
}
std::uint8_t any_registers(int count) {
  return *rc::gen::arbitrary<bool>() ? register_zero
                                     : static_cast<std::uint8_t>(below<int>(max_registers / count) * count);
}
std::uint8_t any_barrier() {
  const int index = below<int>(dependence_barriers + 1);
  return index == dependence_barriers ? no_barrier : static_cast<std::uint8_t>(index);
}

/// Any instruction that the table allows.
Instruction any_instruction() {
  Instruction i;
  i.op = below<Opcode>(static_cast<int>(opcode_table.size()));
  i.guard = any_predicate();
  if (uses(i.op, field_type)) i.type = below<Type>(is_memory(i.op) ? 8 : 2);
  if (uses(i.op, field_d)) i.d = any_registers(d_registers(i));
  if (uses(i.op, field_a)) i.a = any_registers(a_registers(i));
  if (uses(i.op, field_c)) i.c = any_registers(c_registers(i));
  if (uses(i.op, field_b)) {
    const bool number = is_memory(i.op) || i.op == Opcode::bra || i.op == Opcode::bssy;
    i.b_source = number ? Source::immediate : below<Source>(3);
    i.b = i.b_source == Source::reg ? any_registers(1) : *rc::gen::arbitrary<std::uint32_t>();
  }
  if (uses(i.op, field_pd)) i.pd = below<std::uint8_t>(8);
  if (uses(i.op, field_p)) i.p = any_predicate();
  if (uses(i.op, field_q)) i.q = any_predicate();
  if (uses(i.op, field_negate_a)) i.negate_a = *rc::gen::arbitrary<bool>();
  if (uses(i.op, field_negate_b)) i.negate_b = *rc::gen::arbitrary<bool>();
  if (uses(i.op, field_negate_c)) i.negate_c = *rc::gen::arbitrary<bool>();
  if (uses(i.op, field_compare)) i.compare = below<Compare>(i.op == Opcode::isetp ? 6 : 14);
  if (uses(i.op, field_combine)) i.combine = below<Combine>(3);
  if (uses(i.op, field_extended)) i.extended = *rc::gen::arbitrary<bool>();
  if (uses(i.op, field_selector)) {
    const int values = i.op == Opcode::lop3 ? 256 : i.op == Opcode::mufu ? 5 : i.op == Opcode::s2r ? 14 : 16;
    i.selector = below<std::uint8_t>(values);
  }
  i.control.stall = static_cast<std::uint8_t>(1 + below<int>(15));
  i.control.yield = *rc::gen::arbitrary<bool>();
  i.control.write_barrier = any_barrier();
  i.control.read_barrier = any_barrier();
  i.control.wait_mask = below<std::uint8_t>(64);
  i.control.reuse = below<std::uint8_t>(8);
  return i;
}

RC_GTEST_PROP(Encoding, DecodingGivesTheInstructionBack, ()) {
  const Instruction i = any_instruction();
  RC_ASSERT(decode(encode(i)) == i);
  RC_ASSERT(disassemble(i).find(std::string(info(i.op).mnemonic)) != std::string::npos);
}

RC_GTEST_PROP(Encoding, BitsEitherDecodeToWhatEncodesThemOrAreRefused, (std::uint64_t lower, std::uint64_t upper)) {
  const Encoded bits{lower, upper};
  try {
    RC_ASSERT(encode(decode(bits)) == bits);
  } catch (const std::invalid_argument&) {
  }
}

TEST(Encoding, RefusesWhatTheMachineCannotDo) {
  const auto refuses = [](auto&& change, Opcode op) {
    Instruction i;
    i.op = op;
    if (op == Opcode::ldg) i.b_source = Source::immediate;
    EXPECT_NO_THROW(encode(i));
    change(i);
    EXPECT_THROW(encode(i), std::invalid_argument);
  };
  refuses([](Instruction& i) { i.c = 3; }, Opcode::fadd);                      // takes no c
  refuses([](Instruction& i) { i.pd = 0; }, Opcode::fadd);                     // writes no predicate
  refuses([](Instruction& i) { i.d = 3; }, Opcode::imad_wide);                 // a pair at an odd register
  refuses([](Instruction& i) { i.a = 254; }, Opcode::ldg);                     // a pair that would reach RZ
  refuses([](Instruction& i) { i.type = Type::b128, i.d = 6; }, Opcode::ldg);  // four registers at no multiple of four
  refuses([](Instruction& i) { i.control.stall = 0; }, Opcode::nop);
  refuses([](Instruction& i) { i.control.stall = 16; }, Opcode::nop);
  refuses([](Instruction& i) { i.control.write_barrier = 6; }, Opcode::nop);
  refuses([](Instruction& i) { i.selector = 5; }, Opcode::mufu);
  refuses([](Instruction& i) { i.compare = Compare::ltu; }, Opcode::isetp);
  refuses([](Instruction& i) { i.type = Type::b64; }, Opcode::isetp);
  Encoded reserved = encode(Instruction{});
  reserved.upper |= std::uint64_t{1} << 63;
  EXPECT_THROW(decode(reserved), std::invalid_argument);
  EXPECT_THROW(decode({0xff, 0}), std::invalid_argument);
}

TEST(Encoding, FieldsLieWhereTheHeaderSays) {
  Instruction i;
  i.op = Opcode::iadd3;
  i.d = 4;
  i.a = 2;
  i.b = 3;
  i.negate_b = true;
  i.control = {4, false, 2, no_barrier, 1, 0};
  i.guard = {0, true};
  const Encoded bits = encode(i);
  EXPECT_EQ(bits.lower & 0xff, static_cast<std::uint64_t>(Opcode::iadd3));
  EXPECT_EQ((bits.lower >> 12) & 0xff, 4u);
  EXPECT_EQ((bits.lower >> 28) & 0xffffffff, 3u);
  EXPECT_EQ((bits.upper >> 20) & 1, 1u);
  EXPECT_EQ((bits.upper >> 43) & 15, 4u);
  EXPECT_EQ(disassemble(i, true), "@!P0 IADD3 R4, R2, -R3, RZ {stall 4, wait 0x1, write 2}");
}

}  // namespace
}  // namespace triad::gpu
