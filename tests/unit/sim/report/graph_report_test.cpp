#include "sim/report/graph_report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "sim/graph/op.hpp"
#include "sim/graph/passes.hpp"
#include "sim/graph/traffic.hpp"
#include "sim/graph/training.hpp"

namespace triad::report {
namespace {

using graph::Graph;
using graph::OpKind;
using graph::Role;
using graph::Shape;
using numerics::Format;

/// y = relu(x W + b) over [4, 8] -> [4, 16], mse, sgd.
Graph layer() {
  Graph forward;
  const auto x = forward.add_tensor({"x", {2, 2, 8}, Format::fp32, Role::input});
  const auto t = forward.add_tensor({"t", {4, 16}, Format::fp32, Role::input});
  const auto w = forward.add_tensor({"fc.weight", {8, 16}, Format::fp32, Role::parameter});
  const auto b = forward.add_tensor({"fc.\"bias\"", {16}, Format::fp32, Role::parameter});
  const auto flat = forward.add_op(OpKind::reshape, "flat", {x}, {{"shape", Shape{4, 8}}})[0];
  const auto product = forward.add_op(OpKind::matmul, "fc.matmul", {flat, w})[0];
  const auto sum = forward.add_op(OpKind::add, "fc.add", {product, b})[0];
  const auto y = forward.add_op(OpKind::relu, "fc.relu", {sum})[0];
  forward.loss = forward.add_op(OpKind::mse, "loss", {y, t})[0];
  return graph::training_step(forward, {});
}

TEST(GraphReport, Traffic) {
  const Graph g = layer();
  const auto of = [&](const std::string& name) {
    for (const graph::Op& op : g.ops) {
      if (op.name == name) return graph::traffic(g, op);
    }
    throw std::out_of_range(name);
  };
  EXPECT_EQ(of("flat").bytes(), 0);
  EXPECT_EQ(of("fc.matmul").read_bytes, 4 * (4 * 8 + 8 * 16));
  EXPECT_EQ(of("fc.matmul").written_bytes, 4 * 4 * 16);
  EXPECT_EQ(of("fc.add").read_bytes, 4 * (4 * 16 + 16));
  EXPECT_EQ(of("loss").written_bytes, 4);

  Graph moves;
  const auto a = moves.add_tensor({"a", {10, 6}, Format::bf16, Role::input});
  const auto i = moves.add_tensor({"i", {3}, Format::int32, Role::input});
  moves.add_op(OpKind::slice, "s", {a}, {{"begin", Shape{2, 0}}, {"end", Shape{4, 6}}, {"step", Shape{1, 2}}});
  EXPECT_EQ(graph::traffic(moves, moves.ops[0]).bytes(), 2 * 2 * (2 * 3));  // what it takes, read and written
  moves.add_op(OpKind::gather, "g", {a, i});
  EXPECT_EQ(graph::traffic(moves, moves.ops[1]).read_bytes, 3 * 4 + 2 * (3 * 6));  // the rows that it delivers
  const auto one = moves.add_tensor({"one", {1, 6}, Format::fp32, Role::input});
  moves.add_op(OpKind::broadcast, "b", {one}, {{"shape", Shape{10, 6}}});
  EXPECT_EQ(graph::traffic(moves, moves.ops[2]).read_bytes, 24);
  EXPECT_EQ(graph::traffic(moves, moves.ops[2]).written_bytes, 240);
}

TEST(GraphReport, TableOfAnEpilogue) {
  graph::Fusion fusion;
  fusion.epilogues = true;
  const Graph fused = graph::fuse(layer(), fusion);
  // 2 * 4 * 8 * 16 + 2 * 64 FLOP; 128 + 512 + 64 bytes in, 256 out.
  const std::string table = graph_table({"layer", fused, graph::Phase::forward}, 100);
  EXPECT_NE(table.find("Forward: 2 ops, and 1 reshape\n"), std::string::npos) << table;
  EXPECT_NE(table.find("\nfc.matmul+fc.add+fc.relu  matmul+  4x8, 8x16, 16  4x16     1.152 k     960 B     1.2\n"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("\nparameters          144  trained numbers\n"), std::string::npos) << table;
  EXPECT_EQ(table.find("Backward"), std::string::npos);
}

TEST(GraphReport, FitsANarrowTerminal) {
  const Graph g = layer();
  for (const int width : {40, 60, 80, 120}) {
    std::istringstream lines(graph_table({"layer", g}, width));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), static_cast<std::size_t>(width)) << line;
  }
}

TEST(GraphReport, JsonAddsUp) {
  const Graph g = layer();
  const auto document = nlohmann::json::parse(graph_json({"layer", g}));
  std::int64_t flops = 0, ops = 0;
  for (const auto& op : document["ops"]) flops += op["flops"].get<std::int64_t>();
  for (const auto& phase : document["phases"]) ops += phase["ops"].get<std::int64_t>();
  EXPECT_EQ(flops, g.flops());
  EXPECT_EQ(document["flops"], g.flops());
  EXPECT_EQ(ops, static_cast<std::int64_t>(g.ops.size()));
  EXPECT_EQ(document["parameters"], 144);
  EXPECT_EQ(document["memory"]["parameter_bytes"], 4 * 144);
  EXPECT_EQ(document["ops"][1]["inputs"][0]["shape"], nlohmann::json({4, 8}));
}

TEST(GraphReport, DrawingQuotesNames) {
  const Graph g = layer();
  const std::string dot = graph_dot({"my \"net\"", g});
  EXPECT_TRUE(dot.starts_with("digraph \"my \\\"net\\\"\" {\n")) << dot;
  EXPECT_NE(dot.find("label=\"fc.\\\"bias\\\"\""), std::string::npos);
  EXPECT_NE(dot.find("[label=\"fc.matmul\\nmatmul\\n1.024 kFLOP, 896 B, 1.14 FLOP/B\""), std::string::npos)
      << dot;                                         // 2 * 4 * 8 * 16 FLOP; (4 * 8 + 8 * 16 + 4 * 16) * 4 B
  EXPECT_EQ(dot.find("reshape"), std::string::npos);  // an edge shows the shape as it is read
  EXPECT_NE(dot.find("[label=\"[4, 8]\"]"), std::string::npos);
  EXPECT_EQ(std::ranges::count(dot, '{'), std::ranges::count(dot, '}'));
}

TEST(GraphReport, DrawingSaysTheWorkOfAPhase) {
  // matmul 2 * 4 * 8 * 16 FLOP and add 64 FLOP; 896 B and (64 + 16 + 64) * 4 B.
  Graph g;
  const auto x = g.add_tensor({"x", {4, 8}, Format::fp32, Role::input});
  const auto w = g.add_tensor({"w", {8, 16}, Format::fp32, Role::input});
  const auto b = g.add_tensor({"b", {16}, Format::fp32, Role::input});
  const auto product = g.add_op(OpKind::matmul, "m", {x, w})[0];
  const auto sum = g.add_op(OpKind::add, "a", {product, b})[0];
  EXPECT_NE(graph_dot({"n", g}).find("label=\"forward: 1.088 kFLOP, 1.472 kB, 0.739 FLOP/B\""), std::string::npos)
      << graph_dot({"n", g});
  g.add_op(OpKind::transpose, "t", {sum}, {{"permutation", Shape{1, 0}}});  // 2 * 64 * 4 B, and no FLOP
  EXPECT_NE(graph_dot({"n", g}).find("[label=\"t\\ntranspose\\n512 B\""), std::string::npos) << graph_dot({"n", g});
}

}  // namespace
}  // namespace triad::report
