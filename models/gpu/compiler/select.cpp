#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/gpu/compiler/error.hpp"
#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

constexpr std::uint8_t and_table = 0xc0, or_table = 0xfc, xor_table = 0x3c, not_a_table = 0x0f;  // lop3 of a and b

/// A value of 32 bits as a source: a word, an immediate or a word of the constant bank.
struct Value {
  Source source = Source::immediate;
  int word = none;
  std::uint32_t bits = 0;
};

class Selector {
 public:
  explicit Selector(const ptx::Function& function) : function_(function) {}

  Program run() {
    program_.name = function_.name;
    lay_out_variables();
    find_blocks();
    for (const ptx::Statement& s : function_.body) statement(s);
    if (!ended_) throw CompileError(function_.line, "kernel " + function_.name + " does not end in ret");
    return std::move(program_);
  }

 private:
  using Operand = ptx::Operand;

  [[noreturn]] void unsupported(const std::string& what) const { throw CompileError(line_, what); }
  [[noreturn]] void unsupported_opcode() const { unsupported("opcode " + opcode_ + " is not supported"); }

  void lay_out_variables() {
    int offset = 0;
    for (const ptx::Variable& v : function_.parameters) {
      offset = (offset + v.bytes - 1) / v.bytes * v.bytes;
      program_.parameters.push_back({v.name, offset, v.bytes});
      offset += v.bytes;
    }
    program_.parameter_bytes = offset;
    for (const ptx::Variable& v : function_.shared) {
      bool used = false;
      for (const ptx::Statement& s : function_.body)
        for (const Operand& o : s.operands) used = used || o.text == v.name;
      if (!used) continue;  // of another kernel of the module
      if (v.bytes == 0) throw CompileError(function_.line, "dynamic shared memory (" + v.name + ") is not supported");
      program_.shared_bytes = (program_.shared_bytes + v.alignment - 1) / v.alignment * v.alignment;
      shared_[v.name] = static_cast<std::uint32_t>(program_.shared_bytes);
      program_.shared_bytes += v.bytes;
    }
  }

  /// Numbers the blocks: one begins at every label and after every branch.
  void find_blocks() {
    program_.blocks.emplace_back();
    int block = 0;
    bool fresh = true;
    for (const ptx::Statement& s : function_.body) {
      if (!s.label.empty()) {
        if (!fresh) ++block;
        fresh = true;
        if (!labels_.emplace(s.label, block).second)
          throw CompileError(s.line, "label " + s.label + " is defined twice");
      } else if (s.opcode.starts_with("bra") || s.opcode == "ret" || s.opcode == "exit") {
        ++block;
        fresh = true;
      } else {
        fresh = false;
      }
    }
    program_.blocks.resize(static_cast<std::size_t>(block) + 1);
  }

  Block& block() { return program_.blocks[static_cast<std::size_t>(block_)]; }

  void begin_block() {
    if (!ended_) block().next = block_ + 1;
    ++block_;
    ended_ = false;
    empty_ = true;
  }

  void statement(const ptx::Statement& s) {
    line_ = s.line;
    if (!s.label.empty()) {
      if (!empty_ || ended_) begin_block();
      return;
    }
    if (ended_) begin_block();
    statement_ = &s;
    opcode_ = s.opcode;
    empty_ = false;
    block().line = s.line;
    guard_ = s.guard.empty() ? none : predicate(s.guard);
    if (opcode_ == "bra" || opcode_ == "bra.uni") {
      const auto target = labels_.find(operand(0).text);
      if (target == labels_.end()) unsupported("label " + operand(0).text + " does not exist");
      if (guard_ == none) {
        block().next = target->second;
      } else {
        block().taken = target->second;
        block().branch_predicate = guard_;
        block().branch_negated = s.guard_negated;
        block().next = block_ + 1;
      }
      ended_ = true;
    } else if (opcode_ == "ret" || opcode_ == "exit") {
      if (guard_ != none) unsupported("a guarded " + opcode_ + " is not supported; branch around it");
      block().next = none;
      ended_ = true;
    } else {
      instruction();
    }
  }

  // Operands.

  const Operand& operand(std::size_t i) const {
    if (i >= statement_->operands.size()) unsupported(opcode_ + " has too few operands");
    return statement_->operands[i];
  }
  /// "b32", "f32", "b64", "pred", ...: by the longest declared prefix that the name begins with.
  const std::string& type_of(const std::string& name) const {
    std::size_t end = name.size();
    while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
    auto found = function_.registers.find(name.substr(0, end));
    if (found == function_.registers.end()) found = function_.registers.find(name);
    if (found == function_.registers.end()) unsupported("register " + name + " is not declared");
    return found->second;
  }
  int word(const std::string& name) {
    const std::string& type = type_of(name);
    if (type == "pred" || type.ends_with("64")) unsupported(opcode_ + ": register " + name + " is not of 32 bits");
    const auto [entry, added] = words_.emplace(name, none);
    if (added) entry->second = program_.new_word();
    return entry->second;
  }
  int pair(const std::string& name) {
    if (!type_of(name).ends_with("64")) unsupported(opcode_ + ": register " + name + " is not of 64 bits");
    const auto [entry, added] = words_.emplace(name, none);
    if (added) entry->second = program_.new_pair();
    return entry->second;
  }
  int predicate(const std::string& name) {
    if (type_of(name) != "pred") unsupported(opcode_ + ": register " + name + " is not a predicate");
    const auto [entry, added] = predicates_.emplace(name, none);
    if (added) entry->second = program_.new_predicate();
    return entry->second;
  }
  int d() { return word(operand(0).text); }
  int d_pair() { return pair(operand(0).text); }
  int d_predicate() { return predicate(operand(0).text); }

  Value value(std::size_t i) {
    const Operand& o = operand(i);
    if (o.kind == Operand::Kind::immediate) return {Source::immediate, none, static_cast<std::uint32_t>(o.value)};
    if (o.kind == Operand::Kind::memory) unsupported(opcode_ + ": a memory operand where a register belongs");
    const auto symbol = shared_.find(o.text);
    if (symbol != shared_.end()) return {Source::immediate, none, symbol->second};
    return {Source::reg, word(o.text), 0};
  }
  /// The lower (part 0) or upper half of operand i of 64 bits.
  Value half(std::size_t i, int part) {
    const Operand& o = operand(i);
    if (o.kind == Operand::Kind::immediate)
      return {Source::immediate, none, static_cast<std::uint32_t>(static_cast<std::uint64_t>(o.value) >> (32 * part))};
    if (o.kind == Operand::Kind::memory) unsupported(opcode_ + ": a memory operand where a register belongs");
    const auto symbol = shared_.find(o.text);
    if (symbol != shared_.end()) return {Source::immediate, none, part == 0 ? symbol->second : 0};
    return {Source::reg, pair(o.text) + part, 0};
  }
  static Value register_value(int word) { return {Source::reg, word, 0}; }
  static Value immediate(std::uint32_t bits) { return {Source::immediate, none, bits}; }
  /// A zero is RZ and needs no register.
  int in_register(const Value& v) {
    if (v.source == Source::reg) return v.word;
    if (v.source == Source::immediate && v.bits == 0) return none;
    const int result = program_.new_word();
    move(result, v);
    return result;
  }

  // Machine instructions.

  Virtual& append(Opcode op) {
    Virtual v;
    v.base.op = op;
    v.line = line_;
    v.guard = guard_;
    v.base.guard.negate = guard_ != none && statement_->guard_negated;
    block().code.push_back(v);
    return block().code.back();
  }
  static void set_b(Virtual& v, const Value& b) {
    v.base.b_source = b.source;
    v.b = b.word;
    v.base.b = b.source == Source::reg ? register_zero : b.bits;
  }
  void move(int d, const Value& b) {
    Virtual& v = append(Opcode::mov);
    v.d = d;
    set_b(v, b);
  }
  /// d = op(a, b[, c])
  Virtual& compute(Opcode op, int d, const Value& a, const Value& b, const Value& c = {Source::reg, none, 0}) {
    const int a_word = in_register(a), c_word = c.source == Source::reg && c.word == none ? none : in_register(c);
    Virtual& v = append(op);
    v.d = d;
    v.a = a_word;
    set_b(v, b);
    v.c = c_word;
    return v;
  }
  /// As compute(), for operations where a and b may be exchanged: a constant goes to b.
  Virtual& commute(Opcode op, int d, const Value& a, const Value& b, const Value& c = {Source::reg, none, 0}) {
    return a.source == Source::reg ? compute(op, d, a, b, c) : compute(op, d, b, a, c);
  }
  void logic(int d, const Value& a, const Value& b, std::uint8_t table) {
    commute(Opcode::lop3, d, a, b).base.selector = table;
  }
  void special_function(Function function, int d, const Value& b) {
    Virtual& v = append(Opcode::mufu);
    v.d = d;
    set_b(v, b);
    v.base.selector = static_cast<std::uint8_t>(function);
  }

  /// d = a + b or a - b of 64 bits: the lower halves with a carry into a predicate, then the upper ones with it.
  void add_pairs(int d, bool subtract) {
    const int carry = program_.new_predicate();
    for (int part = 0; part < 2; ++part) {
      const bool exchange = !subtract && half(1, part).source != Source::reg;
      Virtual& v = compute(Opcode::iadd3, d + part, half(exchange ? 2 : 1, part), half(exchange ? 1 : 2, part));
      v.base.negate_b = subtract;
      v.base.extended = part == 1;
      (part == 0 ? v.pd : v.p) = carry;
    }
  }

  void shift(Opcode op, Type type) {
    Virtual& v = compute(op, d(), value(1), value(2));
    v.base.type = type;
  }
  /// Shift of 64 bits by a constant.
  void shift_pair(bool left, bool arithmetic) {
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

  /// Product of 64 x 64 bits, lower 64: low * low in full, plus the crossed products in the upper half.
  void multiply_pairs() {
    const int to = d_pair(), wide = program_.new_pair(), partial = program_.new_word(), upper = program_.new_word();
    const Value a0 = half(1, 0), a1 = half(1, 1), b0 = half(2, 0), b1 = half(2, 1);
    commute(Opcode::imad_wide, wide, a0, b0);
    commute(Opcode::imad, partial, a0, b1, register_value(wide + 1));
    commute(Opcode::imad, upper, a1, b0, register_value(partial));
    move(to, register_value(wide));
    move(to + 1, register_value(upper));
  }

  Virtual& multiply_wide(Type type, const Value& c) {
    Virtual& v = commute(Opcode::imad_wide, d_pair(), value(1), value(2), c);
    v.base.type = type;
    return v;
  }

  void select_half(int d, Value a, Value b) {
    const int p = predicate(operand(3).text);
    const bool exchange = a.source != Source::reg && b.source == Source::reg;
    if (exchange) std::swap(a, b);
    Virtual& v = compute(Opcode::sel, d, a, b);
    v.p = p;
    v.base.p.negate = exchange;
  }

  void minimum_or_maximum(Opcode op, bool minimum, Type type) {
    Virtual& v = commute(op, d(), value(1), value(2));
    v.base.p.negate = !minimum;  // the guard of the choice is PT or !PT
    v.base.type = type;
  }

  static Compare compare_of(std::string_view name) {
    static const std::map<std::string_view, Compare> names{
        {"eq", Compare::eq},   {"ne", Compare::ne},   {"lt", Compare::lt},   {"le", Compare::le},
        {"gt", Compare::gt},   {"ge", Compare::ge},   {"equ", Compare::equ}, {"neu", Compare::neu},
        {"ltu", Compare::ltu}, {"leu", Compare::leu}, {"gtu", Compare::gtu}, {"geu", Compare::geu},
        {"num", Compare::num}, {"nan", Compare::nan}, {"lo", Compare::lt},   {"ls", Compare::le},
        {"hi", Compare::gt},   {"hs", Compare::ge}};
    const auto found = names.find(name);
    return found == names.end() ? Compare::nan : found->second;
  }
  static Compare exchanged(Compare c) {
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
  Virtual& set_predicate(Opcode op, Compare compare, Value a, Value b, int pd) {
    if (a.source != Source::reg && b.source == Source::reg) {
      std::swap(a, b);
      compare = exchanged(compare);
    }
    Virtual& v = compute(op, none, a, b);
    v.pd = pd;
    v.base.compare = compare;
    return v;
  }

  /// setp.COMPARE.TYPE p, a, b
  void set_predicate() {
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

  void predicate_logic(Combine combine) {
    const int p = predicate(operand(1).text), q = predicate(operand(2).text);
    Virtual& v = append(Opcode::psetp);
    v.pd = d_predicate();
    v.p = p;
    v.q = q;
    v.base.combine = combine;
  }
  void move_predicate(bool negate) {
    const Operand& from = operand(1);
    const int p = from.kind == Operand::Kind::immediate ? none : predicate(from.text);
    Virtual& v = append(Opcode::psetp);
    v.pd = d_predicate();
    v.p = p;
    v.base.p.negate = p == none ? from.value == 0 : negate;
  }

  /// ld and st: "ld.global.nc.f32" and its like.
  void access(bool load) {
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
  int store_pair() {
    if (operand(1).kind != Operand::Kind::immediate) return pair(operand(1).text);
    const int result = program_.new_pair();
    for (int part = 0; part < 2; ++part) move(result + part, half(1, part));
    return result;
  }
  void load_parameter(const Operand& memory, Type type) {
    for (const Parameter& parameter : program_.parameters) {
      if (parameter.name != memory.text) continue;
      const int bytes = bytes_of(type);
      if (bytes < 4 || memory.value % 4 != 0 || memory.value < 0 || memory.value + bytes > parameter.size_bytes)
        unsupported(opcode_ + " of " + parameter.name + " at offset " + std::to_string(memory.value) +
                    ": not supported");
      const auto offset = constant_parameters + static_cast<std::uint32_t>(parameter.offset_bytes + memory.value);
      const int to = bytes == 8 ? d_pair() : d();
      for (int part = 0; part < bytes / 4; ++part)
        move(to + part, {Source::constant, none, offset + 4 * static_cast<std::uint32_t>(part)});
      return;
    }
    unsupported("parameter " + memory.text + " does not exist");
  }

  void move_from_special(const std::string& name) {
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
  bool is_special(const Operand& o) const {
    static const char* const names[] = {"%tid.",   "%ntid.",   "%ctaid.",       "%nctaid.",   "%laneid",
                                        "%warpid", "%clock",   "%lanemask",     "%smid",      "%nsmid",
                                        "%gridid", "%nwarpid", "%dynamic_smem", "%total_smem"};
    for (const char* name : names)
      if (o.text.starts_with(name)) return true;
    return false;
  }

  /// a / b within 2 units in the last place for all b: both are scaled by a power of two where 1 / b would leave the
  /// range of normal numbers. |b| > 2^126: by 2^-4; |b| < 2^-100: by 2^32.
  void divide_full() {
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
    compute(Opcode::fmul, d(), register_value(a), register_value(reciprocal));
  }

  void instruction();
  bool integer_instruction();
  bool float_instruction();
  bool convert_instruction();
  bool move_instruction();

  const ptx::Function& function_;
  Program program_;
  std::map<std::string, int> labels_, words_, predicates_;
  std::map<std::string, std::uint32_t> shared_;
  const ptx::Statement* statement_ = nullptr;
  std::string opcode_;
  int block_ = 0, line_ = 0, guard_ = none;
  bool ended_ = false, empty_ = true;
};

void Selector::instruction() {
  if (opcode_.starts_with("ld.")) return access(true);
  if (opcode_.starts_with("st.")) return access(false);
  if (opcode_.starts_with("setp.")) return set_predicate();
  if (opcode_ == "bar.sync" || opcode_ == "barrier.sync") {
    if (statement_->operands.size() != 1 || operand(0).kind != Operand::Kind::immediate)
      unsupported(opcode_ + " of a part of the block is not supported");
    append(Opcode::bar).base.selector = static_cast<std::uint8_t>(operand(0).value);
    return;
  }
  if (!move_instruction() && !integer_instruction() && !float_instruction() && !convert_instruction())
    unsupported_opcode();
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
  } else if (o == "div.full.f32") {
    divide_full();
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
  } else {
    return false;
  }
  return true;
}

}  // namespace

Program select(const ptx::Function& function) {
  return Selector(function).run();
}

}  // namespace triad::gpu::compiler
