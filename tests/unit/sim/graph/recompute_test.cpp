#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "naive.hpp"
#include "sim/graph/passes.hpp"
#include "sim/graph/training.hpp"

namespace triad::graph {
namespace {

using numerics::Format;

/// `depth` layers of matmul, bias, gelu, dropout and layer norm over [64, 32]; mse.
Graph network(int depth) {
  Graph graph;
  TensorId x = graph.add_tensor({"x", {64, 32}, Format::fp32, Role::input});
  const TensorId t = graph.add_tensor({"t", {64, 32}, Format::fp32, Role::input});
  const TensorId step = graph.add_tensor({"step", {}, Format::int32, Role::input});
  const TensorId mean = graph.add_tensor({"mean", {32}, Format::fp32, Role::state});
  for (int i = 0; i < depth; ++i) {
    const std::string name = "layer" + std::to_string(i);
    const TensorId w = graph.add_tensor({name + ".weight", {32, 32}, Format::fp32, Role::parameter});
    const TensorId b = graph.add_tensor({name + ".bias", {32}, Format::fp32, Role::parameter});
    x = graph.add_op(OpKind::matmul, name + ".matmul", {x, w})[0];
    x = graph.add_op(OpKind::add, name + ".add", {x, b})[0];
    if (i == 0) {  // a running mean, updated in the forward phase; what reads the old one cannot be made again
      const TensorId centred = graph.add_op(OpKind::subtract, "centred", {x, mean})[0];
      const TensorId now = graph.add_op(OpKind::reduce_mean, "now", {x}, {{"axes", Shape{0}}})[0];
      graph.updates.push_back({mean, graph.add_op(OpKind::add, "next", {mean, now})[0]});
      x = graph.add_op(OpKind::multiply, "squared", {centred, centred})[0];
    }
    x = graph.add_op(OpKind::gelu, name + ".gelu", {x})[0];
    x = graph.add_op(OpKind::dropout, name + ".dropout", {x, step}, {{"probability", 0.5}, {"seed", 3L}})[0];
    x = graph.add_op(OpKind::reshape, name + ".view", {x}, {{"shape", Shape{64, 1, 32}}})[0];
    x = graph.add_op(OpKind::normalize, name + ".norm", {x}, {{"axes", Shape{2}}})[0];
    x = graph.add_op(OpKind::reshape, name + ".flat", {x}, {{"shape", Shape{64, 32}}})[0];
  }
  graph.loss = graph.add_op(OpKind::mse, "loss", {x, t})[0];
  return training_step(graph, {});
}

naive::Memory start(const Graph& graph) {
  std::mt19937 random(5);
  naive::Memory memory;
  for (std::size_t id = 0; id < graph.tensors.size(); ++id) {
    const Tensor& tensor = graph.tensors[id];
    if (tensor.role == Role::activation) continue;
    naive::Values values(static_cast<std::size_t>(elements(tensor.shape)));
    for (float& value : values) value = static_cast<float>(random() % 2001) / 4000.0f - 0.25f;
    if (tensor.format == Format::int32) values = {1};
    memory[static_cast<TensorId>(id)] = values;
  }
  return memory;
}

TEST(Recompute, MakesTheSameBitsWithTheSameFlopsInLessMemory) {
  const Graph graph = network(6), again = recompute(graph);
  EXPECT_EQ(again.flops(), graph.flops());
  naive::Memory expected = start(graph), actual = start(again);
  naive::run(graph, expected);
  naive::run(again, actual);
  EXPECT_EQ(expected.at(graph.loss), actual.at(graph.loss));
  for (const Graph::Update& update : graph.updates) {
    EXPECT_EQ(expected.at(update.updated), actual.at(update.updated)) << graph.tensor(update.updated).name;
  }
  const MemoryPlan before = plan_memory(graph), after = plan_memory(again);
  const std::int64_t whole = 64 * 32 * 4;
  // Of a layer what gelu read and the normalised value outlive the forward phase; now it is the product alone.
  EXPECT_LE(after.peak_bytes, before.peak_bytes - 4 * whole);
  const Graph fused = fuse(again, {});
  naive::Memory in_groups = start(again);
  naive::run(fused, in_groups);
  EXPECT_EQ(expected.at(graph.loss), in_groups.at(graph.loss));
  EXPECT_EQ(fused.flops(), graph.flops());
}

TEST(Recompute, KeepsContractionsAndWhatWouldReadANewValue) {
  const Graph again = recompute(network(2));
  std::vector<std::string> copies;
  for (const Op& op : again.ops) {
    if (!op.name.ends_with(".recomputed")) continue;
    EXPECT_EQ(op.phase, Phase::backward);
    EXPECT_EQ(flops(again, op), 0);
    copies.push_back(op.name.substr(0, op.name.size() - std::string(".recomputed").size()));
  }
  const auto has = [&](const char* name) { return std::ranges::find(copies, name) != copies.end(); };
  EXPECT_TRUE(has("layer0.norm"));
  EXPECT_TRUE(has("layer0.dropout"));
  EXPECT_TRUE(has("squared"));
  EXPECT_FALSE(has("centred"));        // reads the running mean, which is new by then
  EXPECT_FALSE(has("layer0.matmul"));  // a contraction
  EXPECT_FALSE(has("layer1.gelu"));    // behind the last contraction
}

TEST(Recompute, LeavesAForwardGraphAlone) {
  Graph graph;
  const TensorId x = graph.add_tensor({"x", {4, 4}, Format::fp32, Role::input});
  const TensorId y = graph.add_op(OpKind::relu, "y", {x})[0];
  graph.add_op(OpKind::matmul, "z", {y, y});
  EXPECT_EQ(recompute(graph).ops.size(), 2u);
}

}  // namespace
}  // namespace triad::graph
