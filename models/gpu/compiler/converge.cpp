#include <algorithm>
#include <functional>

#include "models/gpu/compiler/error.hpp"
#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

using BlockSet = std::vector<bool>;

/// Blocks that can be reached from `from` without entering `stop` (which is not part of it).
void reach(const Program& program, int from, int stop, BlockSet& set) {
  std::vector<int> stack{from};
  while (!stack.empty()) {
    const int b = stack.back();
    stack.pop_back();
    if (b == stop || set[static_cast<std::size_t>(b)]) continue;
    set[static_cast<std::size_t>(b)] = true;
    for (const int s : program.blocks[static_cast<std::size_t>(b)].successors()) stack.push_back(s);
  }
}
/// The blocks that lanes can be in between a branch at the end of b and the block where they meet again.
BlockSet influence(const Program& program, int b, int meet) {
  BlockSet set(program.blocks.size(), false);
  for (const int s : program.blocks[static_cast<std::size_t>(b)].successors()) reach(program, s, meet, set);
  return set;
}
bool overlap(const BlockSet& a, const BlockSet& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] && b[i]) return true;
  return false;
}
/// Does `above` come before `b` on every path, following a tree of (post-)dominators upwards?
bool dominates(const std::vector<int>& tree, int above, int b) {
  while (b != none && b != above) b = tree[static_cast<std::size_t>(b)];
  return b == above;
}

}  // namespace

std::vector<bool> divergent_branches(const Program& program) {
  const std::vector<int> post_dominator = immediate_post_dominators(program);
  std::vector<bool> words(static_cast<std::size_t>(program.words), false);
  std::vector<bool> predicates(static_cast<std::size_t>(program.predicates), false);
  std::vector<bool> branches(program.blocks.size(), false);
  std::vector<int> word_writes(words.size(), 0), predicate_writes(predicates.size(), 0);
  for (const Block& block : program.blocks)
    for (const Virtual& i : block.code) {
      for_each_word_written(i, [&](int word) { ++word_writes[static_cast<std::size_t>(word)]; });
      if (i.pd != none) ++predicate_writes[static_cast<std::size_t>(i.pd)];
    }
  bool changed = true;
  const auto mark = [&](std::vector<bool>& set, int index) {
    if (!set[static_cast<std::size_t>(index)]) changed = set[static_cast<std::size_t>(index)] = true;
  };
  // What lanes write while they are apart differs, if it is read after they have met or merges with another write.
  const auto mark_written_apart = [&](const BlockSet& apart) {
    std::vector<bool> words_outside(words.size(), false), predicates_outside(predicates.size(), false);
    for (std::size_t b = 0; b < program.blocks.size(); ++b) {
      if (apart[b]) continue;
      const Block& block = program.blocks[b];
      if (block.branch_predicate != none) predicates_outside[static_cast<std::size_t>(block.branch_predicate)] = true;
      for (const Virtual& i : block.code) {
        for_each_word_read(i, [&](int word) { words_outside[static_cast<std::size_t>(word)] = true; });
        for_each_source_predicate(i, [&](int p) { predicates_outside[static_cast<std::size_t>(p)] = true; });
      }
    }
    for (std::size_t b = 0; b < program.blocks.size(); ++b) {
      if (!apart[b]) continue;
      for (const Virtual& i : program.blocks[b].code) {
        for_each_word_written(i, [&](int word) {
          const auto w = static_cast<std::size_t>(word);
          if (word_writes[w] > 1 || words_outside[w]) mark(words, word);
        });
        if (i.pd == none) continue;
        const auto p = static_cast<std::size_t>(i.pd);
        if (predicate_writes[p] > 1 || predicates_outside[p]) mark(predicates, i.pd);
      }
    }
  };
  while (changed) {
    changed = false;
    for (std::size_t b = 0; b < program.blocks.size(); ++b) {
      const Block& block = program.blocks[b];
      for (const Virtual& i : block.code) {
        bool differs = is_load(i.base.op);
        if (i.base.op == Opcode::s2r) {
          const auto which = static_cast<Special>(i.base.selector);
          differs =
              which == Special::tid_x || which == Special::tid_y || which == Special::tid_z || which == Special::laneid;
        }
        for_each_word_read(i, [&](int word) { differs = differs || words[static_cast<std::size_t>(word)]; });
        for_each_source_predicate(i, [&](int p) { differs = differs || predicates[static_cast<std::size_t>(p)]; });
        if (!differs) continue;
        for_each_word_written(i, [&](int word) { mark(words, word); });
        if (i.pd != none) mark(predicates, i.pd);
      }
      if (block.taken == none || branches[b] || !predicates[static_cast<std::size_t>(block.branch_predicate)]) continue;
      branches[b] = true;
      mark_written_apart(influence(program, static_cast<int>(b), post_dominator[b]));
      changed = true;
    }
  }
  return branches;
}

void converge(Program& program) {
  const std::vector<bool> divergent = divergent_branches(program);
  const std::vector<int> post_dominator = immediate_post_dominators(program);
  const std::vector<int> dominator = immediate_dominators(program);
  const auto count = static_cast<int>(program.blocks.size());
  const auto at = [&](int b) -> Block& { return program.blocks[static_cast<std::size_t>(b)]; };

  std::vector<std::vector<int>> predecessors(program.blocks.size());
  for (int b = 0; b < count; ++b)
    for (const int s : at(b).successors()) predecessors[static_cast<std::size_t>(s)].push_back(b);
  // The body of the natural loop with this header; empty if no edge leads back to it.
  const auto loop = [&](int header) {
    BlockSet body(program.blocks.size(), false);
    std::vector<int> stack;
    for (const int p : predecessors[static_cast<std::size_t>(header)])
      if (dominates(dominator, header, p)) stack.push_back(p);
    if (!stack.empty()) body[static_cast<std::size_t>(header)] = true;
    while (!stack.empty()) {
      const int b = stack.back();
      stack.pop_back();
      if (body[static_cast<std::size_t>(b)]) continue;
      body[static_cast<std::size_t>(b)] = true;
      for (const int p : predecessors[static_cast<std::size_t>(b)]) stack.push_back(p);
    }
    return body;
  };
  std::vector<BlockSet> loops;
  for (int b = 0; b < count; ++b) loops.push_back(loop(b));

  /// Where the lanes of a branch gather: at the branch, or before the outermost loop that the branch leaves.
  const auto place = [&](int branch, int meet) {
    for (int header = 0; header < count; ++header) {  // reverse postorder: outer headers first
      const BlockSet& body = loops[static_cast<std::size_t>(header)];
      if (!body[static_cast<std::size_t>(branch)] || body[static_cast<std::size_t>(meet)]) continue;
      int before = none;
      for (const int p : predecessors[static_cast<std::size_t>(header)])
        if (!body[static_cast<std::size_t>(p)]) before = before == none ? p : count;
      const bool usable = before != none && before != count && dominates(post_dominator, meet, before);
      return usable ? before : branch;
    }
    return branch;
  };

  struct Meeting {
    int block;
    std::vector<int> gathers;
    BlockSet region;  ///< blocks in which the convergence register is in use
    int convergence_register = none;
  };
  std::vector<Meeting> meetings;
  for (int b = 0; b < count; ++b) {
    const int meet = post_dominator[static_cast<std::size_t>(b)];
    if (!divergent[static_cast<std::size_t>(b)] || meet == none) continue;  // lanes that exit need not meet
    auto found = std::find_if(meetings.begin(), meetings.end(), [&](const Meeting& m) { return m.block == meet; });
    if (found == meetings.end()) found = meetings.insert(meetings.end(), Meeting{meet, {}, {}, none});
    const int gather = place(b, meet);
    // Not needed if another gathering comes before this one on every path from the entry and from the last meeting.
    const bool covered = std::any_of(found->gathers.begin(), found->gathers.end(), [&](int other) {
      if (other == gather) return true;
      BlockSet after(program.blocks.size(), false);
      for (const int s : at(meet).successors()) reach(program, s, other, after);
      if (meet == gather) after[static_cast<std::size_t>(gather)] = true;
      return dominates(dominator, other, gather) && !after[static_cast<std::size_t>(gather)];
    });
    if (!covered) found->gathers.push_back(gather);
  }
  for (Meeting& m : meetings) {
    m.region.assign(program.blocks.size(), false);
    for (const int g : m.gathers) {
      for (const int s : at(g).successors()) reach(program, s, m.block, m.region);
      m.region[static_cast<std::size_t>(g)] = true;
    }
  }
  // Blocks that both sides of a divergent branch can be in at the same time: meetings there must not share a register.
  std::vector<BlockSet> shared;
  for (int b = 0; b < count; ++b) {
    if (!divergent[static_cast<std::size_t>(b)]) continue;
    BlockSet sides[2] = {BlockSet(program.blocks.size(), false), BlockSet(program.blocks.size(), false)};
    for (int side = 0; side < 2; ++side)
      reach(program, side == 0 ? at(b).next : at(b).taken, post_dominator[static_cast<std::size_t>(b)], sides[side]);
    for (std::size_t i = 0; i < program.blocks.size(); ++i) sides[0][i] = sides[0][i] && sides[1][i];
    shared.push_back(sides[0]);
  }
  for (Meeting& m : meetings) {
    std::vector<bool> taken(convergence_registers, false);
    for (const Meeting& other : meetings) {
      if (other.convergence_register == none) continue;
      bool apart = !overlap(m.region, other.region);
      for (const BlockSet& s : shared) apart = apart && !(overlap(m.region, s) && overlap(other.region, s));
      if (!apart) taken[static_cast<std::size_t>(other.convergence_register)] = true;
    }
    const auto free = std::find(taken.begin(), taken.end(), false);
    if (free == taken.end())
      throw CompileError(at(m.block).line, "kernel " + program.name + " nests more divergent branches than the " +
                                               std::to_string(convergence_registers) + " convergence registers hold");
    m.convergence_register = static_cast<int>(free - taken.begin());
    at(m.block).meet = m.convergence_register;
    for (const int g : m.gathers) at(g).gathers.push_back({m.convergence_register, m.block});
  }
}

}  // namespace triad::gpu::compiler
