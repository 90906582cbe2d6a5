#include "models/gpu/compiler/selector.hpp"

#include <utility>

namespace triad::gpu::compiler {

void Selector::select_half(int d, Value a, Value b) {
  const int p = predicate(operand(3).text);
  const bool exchange = a.source != Source::reg && b.source == Source::reg;
  if (exchange) std::swap(a, b);
  Virtual& v = compute(Opcode::sel, d, a, b);
  v.p = p;
  v.base.p.negate = exchange;
}

void Selector::access(bool load) {
  std::string rest = opcode_.substr(3);
  const auto take = [&](std::string_view prefix) {
    if (!rest.starts_with(prefix)) return false;
    rest.erase(0, prefix.size());
    return true;
  };
  enum class Space { global, shared, parameter } space;
  if (take("global.")) {
    space = Space::global;
    if (load) take("nc.");
  } else if (take("shared.")) {
    space = Space::shared;
  } else if (load && take("param.")) {
    space = Space::parameter;
  } else {
    unsupported_opcode();
  }
  static const std::map<std::string_view, Type> types{
      {"u8", Type::u8},   {"s8", Type::s8},   {"b8", Type::u8},   {"u16", Type::u16}, {"s16", Type::s16},
      {"b16", Type::u16}, {"u32", Type::u32}, {"s32", Type::u32}, {"b32", Type::u32}, {"f32", Type::u32},
      {"u64", Type::b64}, {"s64", Type::b64}, {"b64", Type::b64}};
  const auto found = types.find(rest);
  if (found == types.end()) unsupported_opcode();
  const Type type = found->second;
  const Operand& memory = operand(load ? 1 : 0);
  if (memory.kind != Operand::Kind::memory) unsupported(opcode_ + ": an address [...] belongs here");
  const bool wide = registers_of(type) == 2;
  if (space == Space::parameter) return load_parameter(memory, type);
  int data = none;
  if (load)
    data = wide ? d_pair() : d();
  else if (wide)
    data = store_pair();
  else
    data = in_register(value(1));
  Value base = immediate(0);
  const auto symbol = shared_.find(memory.text);
  std::int64_t offset = memory.value;
  if (symbol != shared_.end())
    offset += symbol->second;
  else if (space == Space::shared)
    base = register_value(type_of(memory.text).ends_with("64") ? pair(memory.text) : word(memory.text));
  else
    base = register_value(pair(memory.text));
  const Opcode op = space == Space::global ? (load ? Opcode::ldg : Opcode::stg) : (load ? Opcode::lds : Opcode::sts);
  Virtual& v = append(op);
  v.a = base.word;
  set_b(v, immediate(static_cast<std::uint32_t>(offset)));
  v.base.type = type;
  (load ? v.d : v.c) = data;
}

int Selector::store_pair() {
  if (operand(1).kind != Operand::Kind::immediate) return pair(operand(1).text);
  const int result = program_.new_pair();
  for (int part = 0; part < 2; ++part) move(result + part, half(1, part));
  return result;
}

void Selector::load_parameter(const Operand& memory, Type type) {
  for (const Parameter& parameter : program_.parameters) {
    if (parameter.name != memory.text) continue;
    const int bytes = bytes_of(type);
    if (bytes < 4 || memory.value % 4 != 0 || memory.value < 0 || memory.value + bytes > parameter.size_bytes)
      unsupported(opcode_ + " of " + parameter.name + " at offset " + std::to_string(memory.value) + ": not supported");
    const auto offset = constant_parameters + static_cast<std::uint32_t>(parameter.offset_bytes + memory.value);
    const int to = bytes == 8 ? d_pair() : d();
    for (int part = 0; part < bytes / 4; ++part)
      move(to + part, {Source::constant, none, offset + 4 * static_cast<std::uint32_t>(part)});
    return;
  }
  unsupported("parameter " + memory.text + " does not exist");
}

void Selector::move_from_special(const std::string& name) {
  static const std::map<std::string_view, Special> specials{
      {"%tid.x", Special::tid_x},     {"%tid.y", Special::tid_y},     {"%tid.z", Special::tid_z},
      {"%ctaid.x", Special::ctaid_x}, {"%ctaid.y", Special::ctaid_y}, {"%ctaid.z", Special::ctaid_z},
      {"%laneid", Special::laneid},   {"%warpid", Special::warpid}};
  static const std::map<std::string_view, std::uint32_t> constants{
      {"%ntid.x", constant_ntid},     {"%ntid.y", constant_ntid + 4},     {"%ntid.z", constant_ntid + 8},
      {"%nctaid.x", constant_nctaid}, {"%nctaid.y", constant_nctaid + 4}, {"%nctaid.z", constant_nctaid + 8}};
  const int to = d();
  if (const auto constant = constants.find(name); constant != constants.end())
    return move(to, {Source::constant, none, constant->second});
  const auto special = specials.find(name);
  if (special == specials.end()) unsupported("special register " + name + " is not supported");
  Virtual& v = append(Opcode::s2r);
  v.d = to;
  v.base.selector = static_cast<std::uint8_t>(special->second);
}

bool Selector::is_special(const Operand& o) const {
  static const char* const names[] = {"%tid.",   "%ntid.",   "%ctaid.",       "%nctaid.",   "%laneid",
                                      "%warpid", "%clock",   "%lanemask",     "%smid",      "%nsmid",
                                      "%gridid", "%nwarpid", "%dynamic_smem", "%total_smem"};
  for (const char* name : names)
    if (o.text.starts_with(name)) return true;
  return false;
}

bool Selector::move_instruction() {
  const std::string& o = opcode_;
  if (o == "mov.pred") {
    move_predicate(false);
  } else if (o == "mov.u64" || o == "mov.b64" || o == "mov.s64" || o == "cvta.to.global.u64" ||
             o == "cvta.to.shared.u64" || o == "cvta.global.u64") {
    const int to = d_pair();
    for (int part = 0; part < 2; ++part) move(to + part, half(1, part));
  } else if (o == "mov.u32" || o == "mov.b32" || o == "mov.s32" || o == "mov.f32" || o == "mov.u16" || o == "mov.b16") {
    if (is_special(operand(1)))
      move_from_special(operand(1).text);
    else
      move(d(), value(1));
  } else if (o == "selp.b32" || o == "selp.f32" || o == "selp.u32" || o == "selp.s32" || o == "selp.b16" ||
             o == "selp.u16") {
    select_half(d(), value(1), value(2));
  } else if (o == "selp.b64" || o == "selp.u64" || o == "selp.s64") {
    const int to = d_pair();
    for (int part = 0; part < 2; ++part) select_half(to + part, half(1, part), half(2, part));
  } else {
    return false;
  }
  return true;
}

}  // namespace triad::gpu::compiler
