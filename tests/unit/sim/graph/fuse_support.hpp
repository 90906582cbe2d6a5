#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "naive.hpp"
#include "sim/graph/passes.hpp"

namespace triad::graph {

using numerics::Format;
using Names = std::vector<std::string>;

struct Net {
  Graph graph;
  TensorId input(const std::string& name, Shape shape, Role role = Role::input) {
    return graph.add_tensor({name, std::move(shape), Format::fp32, role});
  }
  TensorId op(OpKind kind, const std::string& name, std::vector<TensorId> inputs, Attributes attributes = {}) {
    return graph.add_op(kind, name, std::move(inputs), std::move(attributes))[0];
  }
};

inline Names names(const Graph& graph) {
  Names result;
  for (const Op& op : graph.ops) result.push_back(op.name);
  return result;
}

inline Attributes axes(std::vector<std::int64_t> which, bool keep) {
  return {{"axes", std::move(which)}, {"keep", keep}};
}

/// Seeded values of everything that persists.
inline naive::Memory start(const Graph& graph, unsigned seed) {
  std::mt19937 random(seed);
  naive::Memory memory;
  for (std::size_t id = 0; id < graph.tensors.size(); ++id) {
    const Tensor& tensor = graph.tensors[id];
    if (tensor.role == Role::activation) continue;
    naive::Values values(static_cast<std::size_t>(elements(tensor.shape)));
    for (float& value : values) {
      value = tensor.format == Format::int32 ? static_cast<float>(random() % 2)
                                             : static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
    }
    memory[static_cast<TensorId>(id)] = values;
  }
  return memory;
}

/// A fused graph, executed in the memory that plan_memory gives it, makes the same bits as the graph it stands for, and
/// counts the same FLOPs.
inline void expect_same(const Graph& graph, const Fusion& fusion) {
  const Graph fused = fuse(graph, fusion);
  naive::Memory expected = start(graph, 1);
  naive::run(graph, expected);
  EXPECT_EQ(fused.flops(), graph.flops());
  std::vector<TensorId> wanted = graph.results();
  std::erase_if(wanted, [storage = storages(graph), &graph](TensorId id) {  // views of what is updated in the end
    return graph.tensor(storage[static_cast<std::size_t>(id)]).role == Role::parameter;
  });
  if (graph.loss >= 0) wanted.push_back(graph.loss);
  for (const Graph::Update& update : graph.updates) wanted.push_back(update.updated);
  const MemoryPlan plan = plan_memory(fused);
  naive::Memory actual = naive::run_in_place(fused, start(graph, 1), plan.offset, plan.peak_bytes, wanted);
  for (const TensorId id : wanted) {
    for (std::size_t i = 0; i < expected[id].size(); ++i) {
      const float e = expected[id][i], a = actual[id][i];
      ASSERT_TRUE(e == a || (std::isnan(e) && std::isnan(a))) << graph.tensor(id).name << " " << e << " " << a;
    }
  }
  std::vector<TensorId> results = graph.results(), after = fused.results();
  std::ranges::sort(results);
  std::ranges::sort(after);
  EXPECT_EQ(after, results);
  Names members;
  for (const Op& op : fused.ops) {
    if (op.members.empty()) members.push_back(op.name);
    members.insert(members.end(), op.members.begin(), op.members.end());
    if (op.members.empty()) continue;
    EXPECT_GE(op.members.size(), 2u);
    EXPECT_LE(op.inputs.size(), static_cast<std::size_t>(fusion.most_operands + (is_contraction(op.kind) ? 2 : 0)));
    EXPECT_LE(op.formula->terms.size(), static_cast<std::size_t>(fusion.most_terms));
    EXPECT_LE(op.outputs.size(), static_cast<std::size_t>(fusion.most_results));
    EXPECT_EQ(op.outputs.size(), op.formula->results.size());
  }
  std::ranges::sort(members);
  EXPECT_EQ(std::ranges::adjacent_find(members), members.end());
  for (const Op& op : graph.ops) {
    const bool view = family(op) == Family::view;  // of an inner value: gone
    EXPECT_TRUE(view || std::ranges::binary_search(members, op.name)) << op.name;
  }
}

}  // namespace triad::graph
