#include <gtest/gtest.h>

#include <random>

#include "fuse_support.hpp"

namespace triad::graph {
namespace {

/// A random net of everything that fuses, and of what lies between.
Graph random_net(unsigned seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  Net net;
  const std::int64_t n = 1 + static_cast<std::int64_t>(below(4)), c = 1 + static_cast<std::int64_t>(below(5));
  const std::vector<Shape> shapes = {{n, c, c}, {c}, {1, c}, {n, 1, 1}, {c, 1}, {}};
  std::vector<TensorId> all;
  for (std::size_t i = 0; i < 4; ++i) all.push_back(net.input("x" + std::to_string(i), shapes[below(shapes.size())]));
  all.push_back(net.input("whole", shapes[0]));
  const TensorId w = net.input("w", {c}, Role::parameter);
  all.push_back(w);
  const TensorId step = net.graph.add_tensor({"step", {}, Format::int32, Role::input});
  const std::size_t count = 4 + below(20);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = "op" + std::to_string(i);
    const TensorId a = all[all.size() - 1 - below(std::min<std::size_t>(all.size(), 5))], b = all[below(all.size())];
    const Tensor& t = net.graph.tensor(a);
    const std::size_t rank = t.shape.size();
    const std::vector<std::int64_t> axis = {static_cast<std::int64_t>(rank == 0 ? 0 : below(rank))};
    if (t.format != Format::fp32) {
      all.push_back(net.op(OpKind::cast, name, {a}, {{"format", std::string("fp32")}}));
      continue;
    }
    switch (below(15)) {
      case 0:
      case 1:
      case 2:
        if (net.graph.tensor(b).format == Format::fp32) {
          const OpKind kinds[] = {OpKind::add, OpKind::multiply, OpKind::maximum, OpKind::subtract};
          all.push_back(net.op(kinds[below(4)], name, {a, b}));
        }
        break;
      case 3:
        all.push_back(net.op(OpKind::relu, name, {a}));
        break;
      case 4:
        all.push_back(net.op(OpKind::gelu, name, {a}));
        break;
      case 5:
        all.push_back(net.op(OpKind::dropout, name, {a, step}, {{"probability", 0.5}, {"seed", std::int64_t{7}}}));
        break;
      case 6:
        all.push_back(net.op(OpKind::cast, name, {a}, {{"format", std::string("bf16")}}));
        break;
      case 7:
        if (rank > 0) all.push_back(net.op(OpKind::reduce_mean, name, {a}, axes(axis, below(2) == 0)));
        break;
      case 8:
        if (rank > 0) all.push_back(net.op(OpKind::softmax, name, {a}, {{"axes", axis}}));
        break;
      case 9:
        if (rank > 0) {
          const auto outputs = net.graph.add_op(OpKind::normalize, name, {a}, {{"axes", axis}});
          all.insert(all.end(), outputs.rbegin(), outputs.rend());
        }
        break;
      case 10:
        if (rank == 3) all.push_back(net.op(OpKind::matmul, name, {a, a}, {{"transpose_b", true}}));
        break;
      case 11:
        if (rank > 1) {
          Shape last(rank);
          for (std::size_t d = 0; d < rank; ++d) last[d] = static_cast<std::int64_t>((d + 1) % rank);
          all.push_back(net.op(OpKind::transpose, name, {a}, {{"permutation", last}}));
          if (net.graph.tensor(all.back()).shape != t.shape) all.pop_back();  // read by nobody
        }
        break;
      case 13:
        if (elements(t.shape) <= elements(shapes[0])) {
          Shape larger = t.shape;
          larger.insert(larger.begin(), 3 - rank, 1);
          for (std::size_t d = 0; d < 3; ++d) larger[d] = larger[d] == 1 ? shapes[0][d] : larger[d];
          all.push_back(net.op(OpKind::broadcast, name, {a}, {{"shape", larger}}));
        }
        break;
      case 12:
        all.push_back(net.op(OpKind::reshape, name, {a}, {{"shape", [&] {
                                                             Shape shape = t.shape;
                                                             shape.insert(shape.begin(), 1);
                                                             return rank < 3 ? shape : t.shape;
                                                           }()}}));
        break;
      default:
        all.push_back(net.op(OpKind::scale, name, {a}, {{"factor", 0.5}}));
    }
  }
  const TensorId next = net.op(OpKind::scale, "w.next", {w}, {{"factor", 0.9}});
  net.graph.updates.push_back({w, next});
  for (Op& op : net.graph.ops) {  // two phases, in order
    if (&op - net.graph.ops.data() > static_cast<std::ptrdiff_t>(net.graph.ops.size() * 2 / 3)) {
      op.phase = Phase::backward;
    }
  }
  return net.graph;
}

TEST(Fuse, RandomNetsMakeTheSameBits) {
  std::size_t before = 0, after = 0;
  for (unsigned seed = 0; seed < 1500; ++seed) {
    SCOPED_TRACE(seed);
    Graph graph;
    try {
      graph = random_net(seed);
    } catch (const std::invalid_argument&) {  // shapes that do not broadcast
      continue;
    }
    Fusion fusion;
    fusion.epilogues = seed % 2 == 1;
    if (seed % 3 == 1) fusion.most_operands = 3;
    if (seed % 5 == 1) fusion.least_rows = 3;
    if (seed % 7 == 1) fusion.formulas = false;
    before += graph.ops.size();
    after += fuse(graph, fusion).ops.size();
    expect_same(graph, fusion);
    if (testing::Test::HasFatalFailure() || testing::Test::HasNonfatalFailure()) return;
  }
  EXPECT_GT(before, 5000u);
  EXPECT_LT(after, before * 3 / 4);  // they do fuse
}

}  // namespace
}  // namespace triad::graph
