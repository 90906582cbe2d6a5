#include "models/gpu/compiler/selector.hpp"

#include <utility>

namespace triad::gpu::compiler {

Program Selector::run() {
  program_.name = function_.name;
  lay_out_variables();
  find_blocks();
  for (const ptx::Statement& s : function_.body) statement(s);
  if (!ended_) throw CompileError(function_.line, "kernel " + function_.name + " does not end in ret");
  return std::move(program_);
}

void Selector::lay_out_variables() {
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

void Selector::find_blocks() {
  program_.blocks.emplace_back();
  int block = 0;
  bool fresh = true;
  for (const ptx::Statement& s : function_.body) {
    if (!s.label.empty()) {
      if (!fresh) ++block;
      fresh = true;
      if (!labels_.emplace(s.label, block).second) throw CompileError(s.line, "label " + s.label + " is defined twice");
    } else if (s.opcode.starts_with("bra") || s.opcode == "ret" || s.opcode == "exit") {
      ++block;
      fresh = true;
    } else {
      fresh = false;
    }
  }
  program_.blocks.resize(static_cast<std::size_t>(block) + 1);
}

void Selector::begin_block() {
  if (!ended_) block().next = block_ + 1;
  ++block_;
  ended_ = false;
  empty_ = true;
}

void Selector::statement(const ptx::Statement& s) {
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

const ptx::Operand& Selector::operand(std::size_t i) const {
  if (i >= statement_->operands.size()) unsupported(opcode_ + " has too few operands");
  return statement_->operands[i];
}

const std::string& Selector::type_of(const std::string& name) const {
  std::size_t end = name.size();
  while (end > 0 && name[end - 1] >= '0' && name[end - 1] <= '9') --end;
  auto found = function_.registers.find(name.substr(0, end));
  if (found == function_.registers.end()) found = function_.registers.find(name);
  if (found == function_.registers.end()) unsupported("register " + name + " is not declared");
  return found->second;
}

int Selector::word(const std::string& name) {
  const std::string& type = type_of(name);
  if (type == "pred" || type.ends_with("64")) unsupported(opcode_ + ": register " + name + " is not of 32 bits");
  const auto [entry, added] = words_.emplace(name, none);
  if (added) entry->second = program_.new_word();
  return entry->second;
}

int Selector::pair(const std::string& name) {
  if (!type_of(name).ends_with("64")) unsupported(opcode_ + ": register " + name + " is not of 64 bits");
  const auto [entry, added] = words_.emplace(name, none);
  if (added) entry->second = program_.new_pair();
  return entry->second;
}

int Selector::predicate(const std::string& name) {
  if (type_of(name) != "pred") unsupported(opcode_ + ": register " + name + " is not a predicate");
  const auto [entry, added] = predicates_.emplace(name, none);
  if (added) entry->second = program_.new_predicate();
  return entry->second;
}

Selector::Value Selector::value(std::size_t i) {
  const Operand& o = operand(i);
  if (o.kind == Operand::Kind::immediate) return {Source::immediate, none, static_cast<std::uint32_t>(o.value)};
  if (o.kind == Operand::Kind::memory) unsupported(opcode_ + ": a memory operand where a register belongs");
  const auto symbol = shared_.find(o.text);
  if (symbol != shared_.end()) return {Source::immediate, none, symbol->second};
  return {Source::reg, word(o.text), 0};
}

Selector::Value Selector::half(std::size_t i, int part) {
  const Operand& o = operand(i);
  if (o.kind == Operand::Kind::immediate)
    return {Source::immediate, none, static_cast<std::uint32_t>(static_cast<std::uint64_t>(o.value) >> (32 * part))};
  if (o.kind == Operand::Kind::memory) unsupported(opcode_ + ": a memory operand where a register belongs");
  const auto symbol = shared_.find(o.text);
  if (symbol != shared_.end()) return {Source::immediate, none, part == 0 ? symbol->second : 0};
  return {Source::reg, pair(o.text) + part, 0};
}

int Selector::in_register(const Value& v) {
  if (v.source == Source::reg) return v.word;
  if (v.source == Source::immediate && v.bits == 0) return none;
  const int result = program_.new_word();
  move(result, v);
  return result;
}

Virtual& Selector::append(Opcode op) {
  Virtual v;
  v.base.op = op;
  v.line = line_;
  v.guard = guard_;
  v.base.guard.negate = guard_ != none && statement_->guard_negated;
  block().code.push_back(v);
  return block().code.back();
}

void Selector::set_b(Virtual& v, const Value& b) {
  v.base.b_source = b.source;
  v.b = b.word;
  v.base.b = b.source == Source::reg ? register_zero : b.bits;
}

void Selector::move(int d, const Value& b) {
  Virtual& v = append(Opcode::mov);
  v.d = d;
  set_b(v, b);
}

Virtual& Selector::compute(Opcode op, int d, const Value& a, const Value& b, const Value& c) {
  const int a_word = in_register(a), c_word = c.source == Source::reg && c.word == none ? none : in_register(c);
  Virtual& v = append(op);
  v.d = d;
  v.a = a_word;
  set_b(v, b);
  v.c = c_word;
  return v;
}

Virtual& Selector::commute(Opcode op, int d, const Value& a, const Value& b, const Value& c) {
  return a.source == Source::reg ? compute(op, d, a, b, c) : compute(op, d, b, a, c);
}

void Selector::logic(int d, const Value& a, const Value& b, std::uint8_t table) {
  commute(Opcode::lop3, d, a, b).base.selector = table;
}

void Selector::special_function(Function function, int d, const Value& b) {
  Virtual& v = append(Opcode::mufu);
  v.d = d;
  set_b(v, b);
  v.base.selector = static_cast<std::uint8_t>(function);
}

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

Program select(const ptx::Function& function) {
  return Selector(function).run();
}

}  // namespace triad::gpu::compiler
