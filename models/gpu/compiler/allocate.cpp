#include <algorithm>
#include <optional>

#include "models/gpu/compiler/error.hpp"
#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

constexpr int real_predicates = 7;  // P0 .. P6

using Set = std::vector<bool>;

/// Walks a block backwards from what is live at its end; calls after(i, words, predicates) with what is live after i,
/// for each instruction, and leaves in the sets what is live at the block's begin.
template <class F>
void walk_backwards(const Block& block, Set& words, Set& predicates, F&& after) {
  if (block.branch_predicate != none) predicates[static_cast<std::size_t>(block.branch_predicate)] = true;
  for (std::size_t n = block.code.size(); n-- > 0;) {
    const Virtual& i = block.code[n];
    after(i, words, predicates);
    if (i.guard == none) {  // a guarded instruction leaves the old value in some lanes
      for_each_word_written(i, [&](int word) { words[static_cast<std::size_t>(word)] = false; });
      if (i.pd != none) predicates[static_cast<std::size_t>(i.pd)] = false;
    }
    for_each_word_read(i, [&](int word) { words[static_cast<std::size_t>(word)] = true; });
    for_each_source_predicate(i, [&](int p) { predicates[static_cast<std::size_t>(p)] = true; });
  }
}

bool merge(Set& into, const Set& from) {
  bool changed = false;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] && !into[i]) changed = into[i] = true;
  return changed;
}

/// Which registers cannot be the same: symmetric, by virtual index.
class Interference {
 public:
  explicit Interference(int size) : size_(static_cast<std::size_t>(size)), bits_(size_ * size_, false) {}
  void add(int a, int b) {
    if (a == b) return;
    bits_[static_cast<std::size_t>(a) * size_ + static_cast<std::size_t>(b)] = true;
    bits_[static_cast<std::size_t>(b) * size_ + static_cast<std::size_t>(a)] = true;
  }
  void add(int a, const Set& live, int except = none) {
    for (std::size_t b = 0; b < live.size(); ++b)
      if (live[b] && static_cast<int>(b) != except) add(a, static_cast<int>(b));
  }
  template <class F>
  void for_each(int a, F&& f) const {
    for (std::size_t b = 0; b < size_; ++b)
      if (bits_[static_cast<std::size_t>(a) * size_ + b]) f(static_cast<int>(b));
  }

 private:
  std::size_t size_;
  std::vector<bool> bits_;
};

struct Graphs {
  Interference words, predicates;
  std::vector<int> predicate_length;  ///< instructions after which it is live
};
Graphs interference(const Program& program, const Liveness& live) {
  Graphs g{Interference(program.words), Interference(program.predicates),
           std::vector<int>(static_cast<std::size_t>(program.predicates), 0)};
  for (std::size_t b = 0; b < program.blocks.size(); ++b) {
    Set words = live.words_out[b], predicates = live.predicates_out[b];
    walk_backwards(program.blocks[b], words, predicates, [&](const Virtual& i, const Set& w, const Set& p) {
      const int copied = i.base.op == Opcode::mov ? i.b : none;  // a copy may share its original's register
      for_each_word_written(i, [&](int word) { g.words.add(word, w, copied); });
      if (i.pd != none) g.predicates.add(i.pd, p);
      for (std::size_t n = 0; n < p.size(); ++n) g.predicate_length[n] += p[n];
    });
  }
  return g;
}

std::optional<std::vector<int>> colour_predicates(const Program& program, const Graphs& graphs, int& uncoloured) {
  std::vector<int> colours(static_cast<std::size_t>(program.predicates), none);
  for (int p = 0; p < program.predicates; ++p) {
    std::uint32_t taken = 0;
    graphs.predicates.for_each(p, [&](int other) {
      if (colours[static_cast<std::size_t>(other)] != none) taken |= 1u << colours[static_cast<std::size_t>(other)];
    });
    int colour = 0;
    while ((taken >> colour) & 1u) ++colour;
    if (colour >= real_predicates) {
      uncoloured = p;
      return std::nullopt;
    }
    colours[static_cast<std::size_t>(p)] = colour;
  }
  return colours;
}

/// Keeps a predicate in a register as 0 or 1: made after each write, tested before each use.
void keep_in_register(Program& program, int spilled) {
  const int home = program.new_word();
  const auto restore = [&](std::vector<Virtual>& code, int line) {
    const int temporary = program.new_predicate();
    Virtual test;
    test.base.op = Opcode::isetp;
    test.base.compare = Compare::ne;
    test.base.b_source = Source::immediate;
    test.base.b = 0;
    test.a = home;
    test.pd = temporary;
    test.line = line;
    code.push_back(test);
    return temporary;
  };
  for (Block& block : program.blocks) {
    std::vector<Virtual> code;
    for (Virtual i : block.code) {
      int temporary = none;
      for_each_source_predicate(i, [&](int& p) {
        if (p != spilled) return;
        if (temporary == none) temporary = restore(code, i.line);
        p = temporary;
      });
      if (i.pd != spilled) {
        code.push_back(i);
        continue;
      }
      i.pd = program.new_predicate();
      code.push_back(i);
      Virtual save;
      save.base.op = Opcode::sel;  // !predicate ? RZ : 1
      save.d = home;
      save.base.b_source = Source::immediate;
      save.base.b = 1;
      save.p = i.pd;
      save.base.p.negate = true;
      save.guard = i.guard;
      save.base.guard = i.base.guard;
      save.line = i.line;
      code.push_back(save);
    }
    if (block.branch_predicate == spilled) block.branch_predicate = restore(code, block.line);
    block.code = std::move(code);
  }
}

/// Which words are the lower half of a pair that some instruction uses as a whole.
std::vector<bool> lower_halves(const Program& program) {
  std::vector<bool> lower(static_cast<std::size_t>(program.words), false);
  for (const Block& block : program.blocks)
    for (const Virtual& i : block.code) {
      for_each_source(i, [&](int word, int count) {
        if (count == 2) lower[static_cast<std::size_t>(word)] = true;
      });
      if (i.d != none && d_registers(i.base) == 2) lower[static_cast<std::size_t>(i.d)] = true;
    }
  return lower;
}

class WordColouring {
 public:
  WordColouring(const Program& program, const Interference& graph, int max_registers)
      : program_(program),
        graph_(graph),
        lower_(lower_halves(program)),
        copies_(static_cast<std::size_t>(program.words)),
        max_registers_(max_registers) {
    result_.words.assign(static_cast<std::size_t>(program.words), none);
  }

  /// In the order in which the words are first written, first fit; a copy prefers the register of its other side.
  Allocation run() {
    for (const Block& block : program_.blocks)
      for (const Virtual& i : block.code)
        if (i.base.op == Opcode::mov && i.b != none) {
          copies_[static_cast<std::size_t>(i.d)].push_back(i.b);
          copies_[static_cast<std::size_t>(i.b)].push_back(i.d);
        }
    for (const Block& block : program_.blocks)
      for (const Virtual& i : block.code) {
        for_each_word_written(i, [&](int word) { colour(word, i.line); });
        for_each_word_read(i, [&](int word) { colour(word, i.line); });  // read before any write: undefined, but placed
      }
    return std::move(result_);
  }

 private:
  void colour(int word, int line) {
    if (result_.words[static_cast<std::size_t>(word)] != none) return;
    const bool upper = word > 0 && lower_[static_cast<std::size_t>(word) - 1];
    if (upper) return colour(word - 1, line);
    const int count = lower_[static_cast<std::size_t>(word)] ? 2 : 1;
    std::vector<bool> taken(static_cast<std::size_t>(max_registers_) + 2, false);
    for (int part = 0; part < count; ++part)
      graph_.for_each(word + part, [&](int other) {
        const int colour = result_.words[static_cast<std::size_t>(other)];
        if (colour >= part) taken[static_cast<std::size_t>(colour - part)] = true;
      });
    const auto place = [&](int first) {
      for (int part = 0; part < count; ++part) result_.words[static_cast<std::size_t>(word + part)] = first + part;
      result_.registers = std::max(result_.registers, first + count);
    };
    for (int part = 0; part < count; ++part)
      for (const int copy : copies_[static_cast<std::size_t>(word + part)]) {
        const int first = result_.words[static_cast<std::size_t>(copy)] - part;
        if (result_.words[static_cast<std::size_t>(copy)] == none || first < 0 || first % count != 0) continue;
        if (!taken[static_cast<std::size_t>(first)] && first + count <= max_registers_) return place(first);
      }
    for (int first = 0; first + count <= max_registers_; first += count)
      if (!taken[static_cast<std::size_t>(first)]) return place(first);
    throw CompileError(line, "kernel " + program_.name + " needs more than " + std::to_string(max_registers_) +
                                 " registers per thread; spilling to memory is not supported");
  }

  const Program& program_;
  const Interference& graph_;
  const std::vector<bool> lower_;
  std::vector<std::vector<int>> copies_;
  int max_registers_;
  Allocation result_;
};

}  // namespace

Liveness liveness(const Program& program) {
  const std::size_t count = program.blocks.size();
  const Set no_words(static_cast<std::size_t>(program.words), false);
  const Set no_predicates(static_cast<std::size_t>(program.predicates), false);
  Liveness out{std::vector<Set>(count, no_words), std::vector<Set>(count, no_predicates)};
  std::vector<Set> words_in(count, no_words), predicates_in(count, no_predicates);
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t b = count; b-- > 0;) {
      for (const int s : program.blocks[b].successors()) {
        merge(out.words_out[b], words_in[static_cast<std::size_t>(s)]);
        merge(out.predicates_out[b], predicates_in[static_cast<std::size_t>(s)]);
      }
      Set words = out.words_out[b], predicates = out.predicates_out[b];
      walk_backwards(program.blocks[b], words, predicates, [](const Virtual&, const Set&, const Set&) {});
      changed = merge(words_in[b], words) || changed;
      changed = merge(predicates_in[b], predicates) || changed;
    }
  }
  return out;
}

Allocation allocate(Program& program, int max_registers) {
  int first_temporary = program.predicates;  // predicates from here on were made by spilling, and are short
  for (;;) {
    const Graphs graphs = interference(program, liveness(program));
    int uncoloured = none;
    std::optional<std::vector<int>> predicates = colour_predicates(program, graphs, uncoloured);
    if (predicates) {
      Allocation result = WordColouring(program, graphs.words, max_registers).run();
      result.predicates = std::move(*predicates);
      return result;
    }
    // Spill the predicate that lives longest among those that are in the way.
    int longest = uncoloured < first_temporary ? uncoloured : none;
    graphs.predicates.for_each(uncoloured, [&](int other) {
      if (other >= first_temporary) return;
      if (longest == none || graphs.predicate_length[static_cast<std::size_t>(other)] >
                                 graphs.predicate_length[static_cast<std::size_t>(longest)])
        longest = other;
    });
    if (longest == none)
      throw CompileError(program.blocks[0].line, "kernel " + program.name + " needs more predicates than there are");
    keep_in_register(program, longest);
  }
}

}  // namespace triad::gpu::compiler
