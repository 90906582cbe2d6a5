#include "models/gpu/compiler/selector.hpp"

#include <utility>

#include "sim/numerics/format.hpp"

namespace triad::gpu::compiler {

void Selector::add_pairs(int d, bool subtract) {
  const int carry = program_.new_predicate();
  for (int part = 0; part < 2; ++part) {
    const bool exchange = !subtract && half(1, part).source != Source::reg;
    Virtual& v = compute(Opcode::iadd3, d + part, half(exchange ? 2 : 1, part), half(exchange ? 1 : 2, part));
    v.base.negate_b = subtract;
    v.base.extended = part == 1;
    (part == 0 ? v.pd : v.p) = carry;
  }
}

void Selector::shift(Opcode op, Type type) {
  Virtual& v = compute(op, d(), value(1), value(2));
  v.base.type = type;
}

void Selector::shift_pair(bool left, bool arithmetic) {
  if (operand(2).kind != Operand::Kind::immediate)
    unsupported(opcode_ + " by a count that is not a constant is not supported");
  const auto count = static_cast<std::uint32_t>(operand(2).value);
  const int to = d_pair();
  const Value low = half(1, 0), high = half(1, 1);
  const int result_low = program_.new_word(), result_high = program_.new_word();  // `to` may be the source
  const Type type = arithmetic ? Type::s32 : Type::u32;
  if (left) {
    if (count < 32) {
      compute(Opcode::shl, result_low, low, immediate(count));
      compute(Opcode::shf_l, result_high, low, immediate(count), high);
    } else {
      move(result_low, immediate(0));
      compute(Opcode::shl, result_high, low, immediate(count - 32));
    }
  } else {
    if (count < 32) {
      compute(Opcode::shf_r, result_low, low, immediate(count), high);
      compute(Opcode::shr, result_high, high, immediate(count)).base.type = type;
    } else {
      compute(Opcode::shr, result_low, high, immediate(count - 32)).base.type = type;
      if (arithmetic)
        compute(Opcode::shr, result_high, high, immediate(31)).base.type = type;
      else
        move(result_high, immediate(0));
    }
  }
  move(to, register_value(result_low));
  move(to + 1, register_value(result_high));
}

void Selector::multiply_pairs() {
  const int to = d_pair(), wide = program_.new_pair(), partial = program_.new_word(), upper = program_.new_word();
  const Value a0 = half(1, 0), a1 = half(1, 1), b0 = half(2, 0), b1 = half(2, 1);
  commute(Opcode::imad_wide, wide, a0, b0);
  commute(Opcode::imad, partial, a0, b1, register_value(wide + 1));
  commute(Opcode::imad, upper, a1, b0, register_value(partial));
  move(to, register_value(wide));
  move(to + 1, register_value(upper));
}

Virtual& Selector::multiply_wide(Type type, const Value& c) {
  Virtual& v = commute(Opcode::imad_wide, d_pair(), value(1), value(2), c);
  v.base.type = type;
  return v;
}

void Selector::minimum_or_maximum(Opcode op, bool minimum, Type type) {
  Virtual& v = commute(op, d(), value(1), value(2));
  v.base.p.negate = !minimum;  // the guard of the choice is PT or !PT
  v.base.type = type;
}

Compare Selector::compare_of(std::string_view name) {
  static const std::map<std::string_view, Compare> names{
      {"eq", Compare::eq},   {"ne", Compare::ne},   {"lt", Compare::lt},   {"le", Compare::le},   {"gt", Compare::gt},
      {"ge", Compare::ge},   {"equ", Compare::equ}, {"neu", Compare::neu}, {"ltu", Compare::ltu}, {"leu", Compare::leu},
      {"gtu", Compare::gtu}, {"geu", Compare::geu}, {"num", Compare::num}, {"nan", Compare::nan}, {"lo", Compare::lt},
      {"ls", Compare::le},   {"hi", Compare::gt},   {"hs", Compare::ge}};
  const auto found = names.find(name);
  return found == names.end() ? Compare::nan : found->second;
}

Compare Selector::exchanged(Compare c) {
  switch (c) {
    case Compare::lt:
      return Compare::gt;
    case Compare::le:
      return Compare::ge;
    case Compare::gt:
      return Compare::lt;
    case Compare::ge:
      return Compare::le;
    case Compare::ltu:
      return Compare::gtu;
    case Compare::leu:
      return Compare::geu;
    case Compare::gtu:
      return Compare::ltu;
    case Compare::geu:
      return Compare::leu;
    default:
      return c;
  }
}

Virtual& Selector::set_predicate(Opcode op, Compare compare, Value a, Value b, int pd) {
  if (a.source != Source::reg && b.source == Source::reg) {
    std::swap(a, b);
    compare = exchanged(compare);
  }
  Virtual& v = compute(op, none, a, b);
  v.pd = pd;
  v.base.compare = compare;
  return v;
}

void Selector::set_predicate() {
  const std::size_t dot = opcode_.find('.', 5);
  if (dot == std::string::npos) unsupported_opcode();
  const std::string name = opcode_.substr(5, dot - 5), type = opcode_.substr(dot + 1);
  const Compare compare = compare_of(name);
  if (compare == Compare::nan && name != "nan") unsupported_opcode();
  const bool is_signed = type[0] == 's';
  const int pd = d_predicate();
  if (type == "f32") {
    set_predicate(Opcode::fsetp, compare, value(1), value(2), pd);
  } else if (compare > Compare::ge) {
    unsupported_opcode();
  } else if (type == "s32" || type == "u32" || type == "b32") {
    set_predicate(Opcode::isetp, compare, value(1), value(2), pd).base.type = is_signed ? Type::s32 : Type::u32;
  } else if (type == "s64" || type == "u64" || type == "b64") {
    // Both parts must exchange their operands alike: when one half is a constant the other one is too.
    const int low = program_.new_predicate();
    set_predicate(Opcode::isetp, compare, half(1, 0), half(2, 0), low).base.type = Type::u32;
    Virtual& v = set_predicate(Opcode::isetp, compare, half(1, 1), half(2, 1), pd);
    v.base.type = is_signed ? Type::s32 : Type::u32;
    v.base.extended = true;
    v.p = low;
  } else {
    unsupported_opcode();
  }
}

void Selector::predicate_logic(Combine combine) {
  const int p = predicate(operand(1).text), q = predicate(operand(2).text);
  Virtual& v = append(Opcode::psetp);
  v.pd = d_predicate();
  v.p = p;
  v.q = q;
  v.base.combine = combine;
}

void Selector::move_predicate(bool negate) {
  const Operand& from = operand(1);
  const int p = from.kind == Operand::Kind::immediate ? none : predicate(from.text);
  Virtual& v = append(Opcode::psetp);
  v.pd = d_predicate();
  v.p = p;
  v.base.p.negate = p == none ? from.value == 0 : negate;
}

Selector::Fraction Selector::scaled_fraction() {
  const int magnitude = program_.new_word(), scale = program_.new_word(), scale2 = program_.new_word();
  const int big = program_.new_predicate(), small = program_.new_predicate();
  const int a = program_.new_word(), b = program_.new_word(), reciprocal = program_.new_word();
  logic(magnitude, value(2), immediate(0x7fffffffu), and_table);
  set_predicate(Opcode::fsetp, Compare::gt, register_value(magnitude), immediate(0x7e800000u), big);
  set_predicate(Opcode::fsetp, Compare::lt, register_value(magnitude), immediate(0x0d800000u), small);
  const int one = program_.new_word();
  move(one, immediate(0x3f800000u));
  Virtual& first = compute(Opcode::sel, scale, register_value(one), immediate(0x3d800000u));  // 1 or 2^-4
  first.p = big;
  first.base.p.negate = true;
  Virtual& second = compute(Opcode::sel, scale2, register_value(scale), immediate(0x4f800000u));  // or 2^32
  second.p = small;
  second.base.p.negate = true;
  commute(Opcode::fmul, a, value(1), register_value(scale2));
  commute(Opcode::fmul, b, value(2), register_value(scale2));
  special_function(Function::rcp, reciprocal, register_value(b));
  return {register_value(a), register_value(b), register_value(reciprocal)};
}

void Selector::divide_full() {
  const Unguarded steps(*this);
  const Fraction f = scaled_fraction();
  steps.last();
  compute(Opcode::fmul, d(), f.a, f.reciprocal);
}

void Selector::divide_to_nearest() {
  const Unguarded steps(*this);
  const Fraction f = scaled_fraction();
  const int first = program_.new_word();
  compute(Opcode::fmul, first, f.a, f.reciprocal);
  const int remainder = program_.new_word(), quotient = program_.new_word();
  compute(Opcode::ffma, remainder, f.b, register_value(first), f.a).base.negate_a = true;
  compute(Opcode::ffma, quotient, register_value(remainder), f.reciprocal, register_value(first));
  // A zero keeps its sign; infinity has no remainder.
  const int magnitude = program_.new_word(), is_finite = program_.new_predicate(), good = program_.new_predicate();
  logic(magnitude, register_value(first), immediate(0x7fffffffu), and_table);
  set_predicate(Opcode::fsetp, Compare::gt, register_value(magnitude), immediate(0), is_finite);
  set_predicate(Opcode::fsetp, Compare::num, register_value(quotient), register_value(quotient), good).p = is_finite;
  steps.last();
  compute(Opcode::sel, d(), register_value(quotient), register_value(first)).p = good;
}

void Selector::extremum_with_nan(bool minimum) {
  const Unguarded steps(*this);
  const int number = program_.new_word(), unordered = program_.new_predicate();
  Virtual& v = commute(Opcode::fmnmx, number, value(1), value(2));
  v.base.p.negate = !minimum;
  set_predicate(Opcode::fsetp, Compare::nan, value(1), value(2), unordered);
  steps.last();
  Virtual& chosen = compute(Opcode::sel, d(), register_value(number), immediate(numerics::canonical_nan_bits));
  chosen.p = unordered;
  chosen.base.p.negate = true;
}

bool Selector::integer_instruction() {
  const std::string& o = opcode_;
  const auto is = [&](std::string_view name) {  // "add" matches add.s32 and add.u32
    return o.size() == name.size() + 4 && o.starts_with(name) && (o.ends_with(".s32") || o.ends_with(".u32"));
  };
  const Type type = o.ends_with("s32") ? Type::s32 : Type::u32;
  if (is("add")) {
    commute(Opcode::iadd3, d(), value(1), value(2));
  } else if (is("sub")) {
    compute(Opcode::iadd3, d(), value(1), value(2)).base.negate_b = true;
  } else if (o == "neg.s32") {
    compute(Opcode::iadd3, d(), immediate(0), value(1)).base.negate_b = true;
  } else if (o == "add.s64" || o == "add.u64") {
    add_pairs(d_pair(), false);
  } else if (o == "sub.s64" || o == "sub.u64") {
    add_pairs(d_pair(), true);
  } else if (is("mul.lo")) {
    commute(Opcode::imad, d(), value(1), value(2));
  } else if (is("mad.lo")) {
    commute(Opcode::imad, d(), value(1), value(2), value(3));
  } else if (is("mul.hi")) {
    commute(Opcode::imad_hi, d(), value(1), value(2)).base.type = type;
  } else if (is("mul.wide")) {
    multiply_wide(type, register_value(none));
  } else if (is("mad.wide")) {
    if (operand(3).kind == Operand::Kind::immediate) unsupported(o + " with a constant sum is not supported");
    multiply_wide(type, register_value(pair(operand(3).text)));
  } else if (o == "mul.lo.s64" || o == "mul.lo.u64") {
    multiply_pairs();
  } else if (is("min") || is("max")) {
    minimum_or_maximum(Opcode::imnmx, is("min"), type);
  } else if (o == "shl.b32") {
    shift(Opcode::shl, Type::u32);
  } else if (o == "shr.u32" || o == "shr.b32" || o == "shr.s32") {
    shift(Opcode::shr, type);
  } else if (o == "shl.b64") {
    shift_pair(true, false);
  } else if (o == "shr.u64" || o == "shr.b64" || o == "shr.s64") {
    shift_pair(false, o == "shr.s64");
  } else if (o == "and.b32" || o == "and.b16") {
    logic(d(), value(1), value(2), and_table);
  } else if (o == "or.b32" || o == "or.b16") {
    logic(d(), value(1), value(2), or_table);
  } else if (o == "xor.b32" || o == "xor.b16") {
    logic(d(), value(1), value(2), xor_table);
  } else if (o == "not.b32" || o == "not.b16") {
    compute(Opcode::lop3, d(), value(1), immediate(0)).base.selector = not_a_table;
  } else if (o == "and.b64" || o == "or.b64" || o == "xor.b64") {
    const int to = d_pair();
    for (int part = 0; part < 2; ++part)
      logic(to + part, half(1, part), half(2, part), o[0] == 'a' ? and_table : o[0] == 'o' ? or_table : xor_table);
  } else if (o == "and.pred") {
    predicate_logic(Combine::logical_and);
  } else if (o == "or.pred") {
    predicate_logic(Combine::logical_or);
  } else if (o == "xor.pred") {
    predicate_logic(Combine::logical_xor);
  } else if (o == "not.pred") {
    move_predicate(true);
  } else {
    return false;
  }
  return true;
}

bool Selector::float_instruction() {
  const std::string& o = opcode_;
  if (o == "add.f32" || o == "add.rn.f32") {
    commute(Opcode::fadd, d(), value(1), value(2));
  } else if (o == "sub.f32" || o == "sub.rn.f32") {
    compute(Opcode::fadd, d(), value(1), value(2)).base.negate_b = true;
  } else if (o == "mul.f32" || o == "mul.rn.f32") {
    commute(Opcode::fmul, d(), value(1), value(2));
  } else if (o == "fma.rn.f32" || o == "mad.rn.f32") {
    commute(Opcode::ffma, d(), value(1), value(2), value(3));
  } else if (o == "min.f32" || o == "max.f32") {
    minimum_or_maximum(Opcode::fmnmx, o == "min.f32", Type::u32);
  } else if (o == "neg.f32") {
    logic(d(), value(1), immediate(0x80000000u), xor_table);
  } else if (o == "abs.f32") {
    logic(d(), value(1), immediate(0x7fffffffu), and_table);
  } else if (o == "ex2.approx.f32") {
    special_function(Function::ex2, d(), value(1));
  } else if (o == "lg2.approx.f32") {
    special_function(Function::lg2, d(), value(1));
  } else if (o == "rcp.approx.f32") {
    special_function(Function::rcp, d(), value(1));
  } else if (o == "rsqrt.approx.f32") {
    special_function(Function::rsq, d(), value(1));
  } else if (o == "sqrt.approx.f32") {
    special_function(Function::sqrt, d(), value(1));
  } else if (o == "div.approx.f32") {
    const int reciprocal = program_.new_word();
    special_function(Function::rcp, reciprocal, value(2));
    commute(Opcode::fmul, d(), value(1), register_value(reciprocal));
  } else if (o == "sqrt.rn.f32") {
    special_function(Function::sqrt, d(), value(1));
  } else if (o == "div.full.f32") {
    divide_full();
  } else if (o == "div.rn.f32") {
    divide_to_nearest();
  } else if (o == "min.NaN.f32" || o == "max.NaN.f32") {
    extremum_with_nan(o == "min.NaN.f32");
  } else {
    return false;
  }
  return true;
}

bool Selector::convert_instruction() {
  const std::string& o = opcode_;
  const auto convert = [&](Opcode op, Type type) {
    Virtual& v = append(op);
    v.d = d();
    set_b(v, value(1));
    v.base.type = type;
  };
  if (o == "cvt.s64.s32" || o == "cvt.u64.s32") {
    const int to = d_pair();
    const Value from = value(1);
    compute(Opcode::shr, to + 1, from, immediate(31)).base.type = Type::s32;
    move(to, from);
  } else if (o == "cvt.u64.u32" || o == "cvt.s64.u32") {
    const int to = d_pair();
    move(to, value(1));
    move(to + 1, immediate(0));
  } else if (o == "cvt.u32.u64" || o == "cvt.s32.s64" || o == "cvt.u32.s64" || o == "cvt.s32.u64") {
    move(d(), half(1, 0));
  } else if (o == "cvt.u32.u16" || o == "cvt.s32.u16") {
    logic(d(), value(1), immediate(0xffffu), and_table);
  } else if (o == "cvt.s32.s16" || o == "cvt.u32.s16") {
    const int shifted = program_.new_word();
    compute(Opcode::shl, shifted, value(1), immediate(16));
    compute(Opcode::shr, d(), register_value(shifted), immediate(16)).base.type = Type::s32;
  } else if (o == "cvt.u16.u32" || o == "cvt.s16.s32") {
    move(d(), value(1));
  } else if (o == "cvt.rn.f32.s32" || o == "cvt.rn.f32.u32") {
    convert(Opcode::i2f, o.ends_with("s32") ? Type::s32 : Type::u32);
  } else if (o == "cvt.rzi.s32.f32" || o == "cvt.rzi.u32.f32") {
    convert(Opcode::f2i, o == "cvt.rzi.s32.f32" ? Type::s32 : Type::u32);
  } else if (o == "cvt.rn.bf16.f32") {
    convert(Opcode::f2bf, Type::u32);
  } else if (o == "cvt.rn.f16.f32") {
    convert(Opcode::f2h, Type::u32);
  } else if (o == "cvt.f32.f16") {
    convert(Opcode::h2f, Type::u32);
  } else {
    return false;
  }
  return true;
}

}  // namespace triad::gpu::compiler
