#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dominator_tree.hpp>
#include <functional>
#include <numeric>

#include "models/gpu/compiler/error.hpp"
#include "models/gpu/compiler/passes.hpp"

namespace triad::gpu::compiler {
namespace {

using FlowGraph = boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS>;

std::vector<int> immediate_dominators(const FlowGraph& graph, std::size_t entry) {
  std::vector<FlowGraph::vertex_descriptor> dominator(num_vertices(graph), FlowGraph::null_vertex());
  boost::lengauer_tarjan_dominator_tree(
      graph, entry, boost::make_iterator_property_map(dominator.begin(), get(boost::vertex_index, graph)));
  std::vector<int> result(dominator.size(), none);
  for (std::size_t i = 0; i < dominator.size(); ++i)
    if (dominator[i] != FlowGraph::null_vertex()) result[i] = static_cast<int>(dominator[i]);
  return result;
}

}  // namespace

std::vector<int> immediate_dominators(const Program& program) {
  FlowGraph graph(program.blocks.size());
  for (std::size_t b = 0; b < program.blocks.size(); ++b)
    for (const int s : program.blocks[b].successors()) add_edge(b, static_cast<std::size_t>(s), graph);
  return immediate_dominators(graph, 0);
}

std::vector<int> immediate_post_dominators(const Program& program) {
  const std::size_t exit = program.blocks.size();  // one more vertex: the dominators of the reversed graph from there
  FlowGraph graph(exit + 1);
  for (std::size_t b = 0; b < exit; ++b) {
    if (program.blocks[b].exits()) add_edge(exit, b, graph);
    for (const int s : program.blocks[b].successors()) add_edge(static_cast<std::size_t>(s), b, graph);
  }
  std::vector<int> result = immediate_dominators(graph, exit);
  for (std::size_t b = 0; b < exit; ++b) {
    if (result[b] == none)
      throw CompileError(program.blocks[b].line,
                         "kernel " + program.name + ": no path from here to the end (an endless loop)");
    if (result[b] == static_cast<int>(exit)) result[b] = none;
  }
  result.pop_back();
  return result;
}

void arrange(Program& program) {
  std::vector<Block>& blocks = program.blocks;
  const auto at = [&](int b) -> Block& { return blocks[static_cast<std::size_t>(b)]; };
  // Jumps to a block that only jumps go to where that goes.
  const auto through = [&](int b) {
    for (std::size_t steps = 0; steps < blocks.size(); ++steps) {
      const Block& block = at(b);
      if (!block.code.empty() || block.exits() || block.taken != none || block.next == b) break;
      b = block.next;
    }
    return b;
  };
  for (Block& block : blocks) {
    if (block.exits()) continue;
    block.next = through(block.next);
    if (block.taken != none) block.taken = through(block.taken);
    if (block.taken == block.next) block.taken = block.branch_predicate = none;
  }
  // A block with one successor takes it in if nobody else goes there.
  std::vector<int> predecessors(blocks.size(), 0);
  std::vector<bool> reached(blocks.size(), false);
  const std::function<void(int)> reach = [&](int b) {
    if (reached[static_cast<std::size_t>(b)]) return;
    reached[static_cast<std::size_t>(b)] = true;
    for (const int s : at(b).successors()) {
      ++predecessors[static_cast<std::size_t>(s)];
      reach(s);
    }
  };
  reach(0);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    if (!reached[b]) continue;
    while (blocks[b].next != none && blocks[b].taken == none && blocks[b].next != 0 &&
           blocks[b].next != static_cast<int>(b) && predecessors[static_cast<std::size_t>(blocks[b].next)] == 1) {
      Block tail = std::move(at(blocks[b].next));
      reached[static_cast<std::size_t>(blocks[b].next)] = false;
      at(blocks[b].next) = Block();
      tail.code.insert(tail.code.begin(), blocks[b].code.begin(), blocks[b].code.end());
      blocks[b] = std::move(tail);
    }
  }
  // Reverse postorder. Of two successors the one that leads back here is placed first, so that a loop stays together;
  // else the one that is not branched to.
  const auto leads_to = [&](int from, int to) {
    std::vector<bool> seen(blocks.size(), false);
    std::vector<int> stack{from};
    while (!stack.empty()) {
      const int b = stack.back();
      stack.pop_back();
      if (b == to) return true;
      if (seen[static_cast<std::size_t>(b)]) continue;
      seen[static_cast<std::size_t>(b)] = true;
      for (const int s : at(b).successors()) stack.push_back(s);
    }
    return false;
  };
  std::vector<int> order;
  std::vector<bool> visited(blocks.size(), false);
  const std::function<void(int)> visit = [&](int b) {
    visited[static_cast<std::size_t>(b)] = true;
    std::vector<int> successors = at(b).successors();
    if (successors.size() == 2) {
      std::swap(successors[0], successors[1]);  // the last one visited comes first
      if (leads_to(successors[0], b) && !leads_to(successors[1], b)) std::swap(successors[0], successors[1]);
    }
    for (const int s : successors)
      if (!visited[static_cast<std::size_t>(s)]) visit(s);
    order.push_back(b);
  };
  visit(0);
  std::reverse(order.begin(), order.end());
  std::vector<int> position(blocks.size(), none);
  for (std::size_t i = 0; i < order.size(); ++i) position[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
  std::vector<Block> arranged;
  for (const int b : order) {
    Block block = std::move(at(b));
    if (block.next != none) block.next = position[static_cast<std::size_t>(block.next)];
    if (block.taken != none) block.taken = position[static_cast<std::size_t>(block.taken)];
    arranged.push_back(std::move(block));
  }
  blocks = std::move(arranged);
}

}  // namespace triad::gpu::compiler
