#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {

std::string data_dependence(const Program& program) {
  std::vector<bool> words(static_cast<std::size_t>(program.words), false);
  std::vector<bool> predicates(static_cast<std::size_t>(program.predicates), false);
  bool shared = false;
  const auto reads_data = [&](const Virtual& i) {
    bool data = false;
    for_each_word_read(i, [&](int word) { data = data || words[static_cast<std::size_t>(word)]; });
    for_each_source_predicate(i, [&](int p) { data = data || predicates[static_cast<std::size_t>(p)]; });
    return data;
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (const Block& block : program.blocks)
      for (const Virtual& i : block.code) {
        const Opcode op = i.base.op;
        const bool data = op == Opcode::ldg || (op == Opcode::lds && shared) || reads_data(i);
        if (!data) continue;
        if (op == Opcode::sts && !shared) shared = changed = true;
        for_each_word_written(i, [&](int word) {
          if (!words[static_cast<std::size_t>(word)]) words[static_cast<std::size_t>(word)] = changed = true;
        });
        if (i.pd != none && !predicates[static_cast<std::size_t>(i.pd)])
          predicates[static_cast<std::size_t>(i.pd)] = changed = true;
      }
  }
  const auto at = [](int line, const char* what) { return "PTX line " + std::to_string(line) + ": " + what; };
  for (const Block& block : program.blocks) {
    for (const Virtual& i : block.code) {
      if (!is_memory(i.base.op)) continue;
      if (i.guard != none && predicates[static_cast<std::size_t>(i.guard)]) return at(i.line, "a guard");
      for (int part = 0; i.a != none && part < a_registers(i.base); ++part)
        if (words[static_cast<std::size_t>(i.a + part)]) return at(i.line, "an address");
    }
    if (block.branch_predicate != none && predicates[static_cast<std::size_t>(block.branch_predicate)])
      return at(block.line, "a branch");
  }
  return {};
}

}  // namespace triad::gpu::compiler
