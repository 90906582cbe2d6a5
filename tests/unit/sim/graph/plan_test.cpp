#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "sim/graph/passes.hpp"

namespace triad::graph {
namespace {

using numerics::Format;

TensorId input(Graph& graph, const std::string& name, Shape shape, Role role = Role::input) {
  return graph.add_tensor({name, std::move(shape), Format::fp32, role});
}

TEST(Storage, ViewsAndUpdatesShare) {
  Graph graph;
  const TensorId x = input(graph, "x", {2, 3}), w = input(graph, "w", {6}, Role::parameter);
  const TensorId flat = graph.add_op(OpKind::reshape, "flat", {x}, {{"shape", Shape{6}}})[0];
  const TensorId tall = graph.add_op(OpKind::reshape, "tall", {flat}, {{"shape", Shape{6, 1}}})[0];
  const TensorId square = graph.add_op(OpKind::reshape, "square", {w}, {{"shape", Shape{2, 3}}})[0];
  const TensorId sum = graph.add_op(OpKind::add, "sum", {square, x})[0];
  const TensorId next = graph.add_op(OpKind::reshape, "next", {sum}, {{"shape", Shape{6}}})[0];
  graph.updates.push_back({w, next});  // through a view
  const auto storage = storages(graph);
  EXPECT_EQ(storage[static_cast<std::size_t>(tall)], x);
  EXPECT_EQ(storage[static_cast<std::size_t>(square)], w);
  EXPECT_EQ(storage[static_cast<std::size_t>(sum)], w);
  EXPECT_EQ(storage[static_cast<std::size_t>(next)], w);

  Graph late = graph;
  late.add_op(OpKind::relu, "late", {square});
  try {
    storages(late);
    FAIL();
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "late reads w after sum has made its new value");
  }
  Graph twice = graph;
  const TensorId v = input(twice, "v", {6}, Role::state);
  twice.updates.push_back({v, next});
  EXPECT_THROW(storages(twice), std::logic_error);
  Graph given = graph;
  given.updates[0].updated = flat;  // no value of its own
  EXPECT_THROW(storages(given), std::logic_error);
}

/// A chain of slices: tensors of these sizes in bytes (multiples of 256), each made from the one before.
Graph chain(const std::vector<std::int64_t>& sizes) {
  Graph graph;
  TensorId last = input(graph, "x", {64});
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    last =
        graph.add_op(OpKind::gather, "t" + std::to_string(i),
                     {graph.add_op(OpKind::reshape, "v" + std::to_string(i), {last},
                                   {{"shape", Shape{elements(graph.tensor(last).shape) / 64, 64}}})[0],
                      graph.add_tensor({"i" + std::to_string(i), {sizes[i] / 256}, Format::int32, Role::constant})})[0];
  }
  return graph;
}

TEST(Plan, OfAChainIsTheLargestNeighbours) {
  const Graph graph = chain({256, 25600, 5120, 23040, 256});
  const MemoryPlan plan = plan_memory(graph);
  EXPECT_EQ(plan.peak_bytes - plan.persistent_bytes, 25600 + 5120);
  EXPECT_EQ(plan.peak_bytes, plan.least_bytes);
  EXPECT_EQ(plan_memory(chain({2560, 2560, 2560, 2560})).peak_bytes -
                plan_memory(chain({2560, 2560, 2560, 2560})).persistent_bytes,
            2 * 2560);
}

TEST(Plan, PersistentTensorsLieInFront) {
  Graph graph;
  const TensorId x = input(graph, "x", {3}), w = input(graph, "w", {65}, Role::parameter);
  const TensorId y = graph.add_op(OpKind::relu, "y", {x})[0];
  const MemoryPlan plan = plan_memory(graph);
  EXPECT_EQ(plan.offset[static_cast<std::size_t>(x)], 0);
  EXPECT_EQ(plan.offset[static_cast<std::size_t>(w)], 256);
  EXPECT_EQ(plan.persistent_bytes, 256 + 512);
  EXPECT_EQ(plan.offset[static_cast<std::size_t>(y)], 768);
  EXPECT_EQ(plan.peak_bytes, 1024);
}

/// A random graph of element-wise ops on tensors of random sizes, with views.
Graph random_graph(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  Graph graph;
  std::vector<TensorId> all = {input(graph, "x", {7}), input(graph, "w", {5, 1}, Role::parameter)};
  for (int i = 0; i < 40; ++i) {
    const std::string name = "op" + std::to_string(i);
    const TensorId a = all[all.size() - 1 - below(std::min<std::size_t>(all.size(), 6))];
    const Shape shape = graph.tensor(a).shape;
    if (below(5) == 0) {
      all.push_back(graph.add_op(OpKind::reshape, name, {a}, {{"shape", Shape{elements(shape)}}})[0]);
    } else if (below(3) == 0) {
      Shape larger = shape;
      larger.insert(larger.begin(), static_cast<std::int64_t>(1 + below(elements(shape) > 10000 ? 1 : 9)));
      all.push_back(graph.add_op(OpKind::broadcast, name, {a}, {{"shape", larger}})[0]);
    } else if (below(3) == 0 && elements(shape) > 1) {
      const TensorId flat = graph.add_op(OpKind::reshape, name + ".flat", {a}, {{"shape", Shape{elements(shape)}}})[0];
      all.push_back(
          graph.add_op(OpKind::slice, name, {flat},
                       {{"begin", Shape{0}},
                        {"end", Shape{1 + static_cast<std::int64_t>(below(static_cast<std::size_t>(elements(shape))))}},
                        {"step", Shape{1}}})[0]);
    } else {
      all.push_back(graph.add_op(OpKind::relu, name, {a})[0]);
    }
  }
  return graph;
}

TEST(Plan, WhatIsAliveIsNeverOverwritten) {
  double planned = 0, least = 0, separate = 0;
  for (unsigned seed = 0; seed < 300; ++seed) {
    const Graph graph = random_graph(seed);
    const auto storage = storages(graph);
    const MemoryPlan plan = plan_memory(graph);
    const auto place = [&](TensorId id) {
      const std::int64_t from = plan.offset[static_cast<std::size_t>(storage[static_cast<std::size_t>(id)])];
      return std::pair{from, from + graph.tensor(id).bytes()};
    };
    // Execute: whose bytes does each place hold? A read of bytes that another tensor has written is an error.
    std::vector<std::pair<std::pair<std::int64_t, std::int64_t>, TensorId>> held;
    for (const Op& op : graph.ops) {
      for (const TensorId id : op.inputs) {
        const TensorId root = storage[static_cast<std::size_t>(id)];
        if (graph.tensor(root).role != Role::activation) continue;
        ASSERT_NE(std::ranges::find(held, root, [](const auto& each) { return each.second; }), held.end()) << op.name;
      }
      if (family(op) == Family::view) continue;
      for (const TensorId id : op.outputs) {
        const auto [from, to] = place(id);
        EXPECT_EQ(from % 256, 0);
        EXPECT_GE(from, plan.persistent_bytes);
        EXPECT_LE(to, plan.peak_bytes);
        for (const TensorId read : op.inputs) {  // nor while it is being read
          const auto [begin, end] = place(read);
          EXPECT_TRUE(end <= from || to <= begin);
        }
        std::erase_if(held, [&](const auto& each) { return each.first.first < to && from < each.first.second; });
        held.push_back({{from, to}, id});
        separate += static_cast<double>(to - from);
      }
    }
    for (const TensorId id : graph.results()) {  // still there at the end
      const TensorId root = storage[static_cast<std::size_t>(id)];
      if (graph.tensor(root).role != Role::activation) continue;
      EXPECT_NE(std::ranges::find(held, root, [](const auto& each) { return each.second; }), held.end());
    }
    EXPECT_GE(plan.peak_bytes, plan.least_bytes);
    planned += static_cast<double>(plan.peak_bytes);
    least += static_cast<double>(plan.least_bytes);
  }
  EXPECT_LT(planned, 1.05 * least);    // close to what any plan needs
  EXPECT_LT(planned, 0.8 * separate);  // and better than a place for each
}

TEST(DeadOps, OfNoUseToLossOrUpdateAreRemoved) {
  Graph graph;
  const TensorId x = input(graph, "x", {4, 3}), w = input(graph, "w", {3}, Role::parameter);
  const TensorId y = graph.add_op(OpKind::multiply, "y", {x, w})[0];
  const TensorId unused = graph.add_op(OpKind::exp, "unused", {y})[0];
  graph.add_op(OpKind::relu, "unused.too", {unused});
  const TensorId next = graph.add_op(OpKind::scale, "next", {w}, {{"factor", 0.5}})[0];
  graph.updates.push_back({w, next});
  EXPECT_EQ(without_dead_ops(graph).ops.size(), 4u);  // without a loss every result counts
  graph.loss = graph.add_op(OpKind::mse, "loss", {y, x})[0];
  const Graph alive = without_dead_ops(graph);
  std::vector<std::string> names;
  for (const Op& op : alive.ops) names.push_back(op.name);
  EXPECT_EQ(names, (std::vector<std::string>{"y", "next", "loss"}));
}

}  // namespace
}  // namespace triad::graph
