#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "naive.hpp"
#include "sim/graph/passes.hpp"
#include "sim/graph/training.hpp"

namespace triad::graph {
namespace {

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

Names names(const Graph& graph) {
  Names result;
  for (const Op& op : graph.ops) result.push_back(op.name);
  return result;
}

Attributes axes(std::vector<std::int64_t> which, bool keep) {
  return {{"axes", std::move(which)}, {"keep", keep}};
}

/// Seeded values of everything that persists.
naive::Memory start(const Graph& graph, unsigned seed) {
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

/// A fused graph makes the same bits as the graph it stands for, in an order in which the old value of a persistent
/// tensor is not read after the new one is there, and counts the same FLOPs.
void expect_same(const Graph& graph, const Fusion& fusion) {
  const Graph fused = fuse(graph, fusion);
  naive::Memory expected = start(graph, 1), actual = start(graph, 1);
  naive::run(graph, expected);
  naive::run(fused, actual);
  EXPECT_EQ(fused.flops(), graph.flops());
  EXPECT_NO_THROW(plan_memory(fused));
  std::vector<TensorId> wanted = graph.results();
  if (graph.loss >= 0) wanted.push_back(graph.loss);
  for (const Graph::Update& update : graph.updates) wanted.push_back(update.updated);
  for (const TensorId id : wanted) {
    ASSERT_TRUE(actual.contains(id)) << graph.tensor(id).name;
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

TEST(Fuse, AChainBecomesOneOp) {
  Net net;
  const TensorId x = net.input("x", {3, 5}), b = net.input("b", {5}, Role::parameter);
  const TensorId sum = net.op(OpKind::add, "fc.add", {x, b});
  const TensorId y = net.op(OpKind::relu, "fc.relu", {sum});
  const Graph fused = fuse(net.graph, {});
  ASSERT_EQ(names(fused), (Names{"fc.add+fc.relu"}));
  const Op& op = fused.ops[0];
  EXPECT_EQ(op.kind, OpKind::fused);
  EXPECT_EQ(op.inputs, (std::vector{x, b}));
  EXPECT_EQ(op.outputs, (std::vector{y}));  // fc.add is made no more
  EXPECT_EQ(op.members, (Names{"fc.add", "fc.relu"}));
  EXPECT_EQ(op.member_flops, 30);
  EXPECT_EQ(op.formula->space, (Shape{3, 5}));
  expect_same(net.graph, {});
}

TEST(Fuse, AValueThatIsWantedElsewhereIsDelivered) {
  Net net;
  const TensorId x = net.input("x", {4, 4});
  const TensorId half = net.op(OpKind::scale, "half", {x}, {{"factor", 0.5}});
  const TensorId y = net.op(OpKind::exp, "y", {half});
  net.op(OpKind::matmul, "product", {half, y});
  const Graph fused = fuse(net.graph, {});
  EXPECT_EQ(names(fused), (Names{"half+y", "product"}));
  EXPECT_EQ(fused.ops[0].outputs, (std::vector{half, y}));
  expect_same(net.graph, {});
}

TEST(Fuse, NeverMakesACycle) {
  Net net;  // y = relu(x) + matmul(relu(x), w): the sum waits for the product, which waits for relu
  const TensorId x = net.input("x", {4, 4}), w = net.input("w", {4, 4}, Role::parameter);
  const TensorId r = net.op(OpKind::relu, "r", {x});
  const TensorId p = net.op(OpKind::matmul, "p", {r, w});
  net.op(OpKind::add, "y", {r, p});
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"r", "p", "y"}));
  Fusion with_epilogues;
  with_epilogues.epilogues = true;
  const Graph fused = fuse(net.graph, with_epilogues);
  EXPECT_EQ(names(fused), (Names{"r", "p+y"}));
  EXPECT_EQ(fused.ops[1].inputs, (std::vector{r, w, r}));
  expect_same(net.graph, with_epilogues);
}

TEST(Fuse, RowsTakeInWhatFeedsThemAndWhatReadsThem) {
  Net net;  // (x + b) / mean(x + b), softmax of it
  const TensorId x = net.input("x", {6, 7}), b = net.input("b", {7}, Role::parameter);
  const TensorId sum = net.op(OpKind::add, "sum", {x, b});
  const TensorId mean = net.op(OpKind::reduce_mean, "mean", {sum}, axes({1}, false));
  const TensorId column = net.op(OpKind::reshape, "column", {mean}, {{"shape", Shape{6, 1}}});
  const TensorId offset = net.op(OpKind::offset, "offset", {column}, {{"addend", 2.0}});  // over the rows alone
  const TensorId ratio = net.op(OpKind::divide, "ratio", {sum, offset});
  net.op(OpKind::softmax, "softmax", {ratio}, {{"axes", std::vector<std::int64_t>{1}}});
  const Graph fused = fuse(net.graph, {});
  ASSERT_EQ(names(fused), (Names{"sum+mean+offset+ratio+softmax"}));  // the view is of an inner value
  EXPECT_EQ(fused.ops[0].formula->reduced, (std::vector{false, true}));
  EXPECT_EQ(fused.ops[0].inputs.size(), 2u);
  expect_same(net.graph, {});
}

TEST(Fuse, OtherRowsStayApart) {
  Net net;
  const TensorId x = net.input("x", {6, 7});
  const TensorId s = net.op(OpKind::softmax, "s", {x}, {{"axes", std::vector<std::int64_t>{1}}});
  net.op(OpKind::reduce_sum, "columns", {s}, axes({0}, false));
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"s", "columns"}));
}

TEST(Fuse, AMeanReadAlongTheWrongAxisStaysApart) {
  Net net;  // [5] broadcasts along the last axis, but is a value per row
  const TensorId x = net.input("x", {5, 5});
  const TensorId mean = net.op(OpKind::reduce_mean, "mean", {x}, axes({1}, false));
  net.op(OpKind::subtract, "y", {x, mean});
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"mean", "y"}));
}

TEST(Fuse, ARoundedValueIsReadFromMemory) {
  Net net;
  const TensorId x = net.input("x", {4, 4});
  const TensorId r = net.op(OpKind::relu, "r", {x});
  const TensorId low = net.op(OpKind::cast, "low", {r}, {{"format", std::string("bf16")}});
  const TensorId high = net.op(OpKind::cast, "high", {low}, {{"format", std::string("fp32")}});
  net.op(OpKind::exp, "y", {high});
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"r+low", "high+y"}));
  expect_same(net.graph, {});
}

TEST(Fuse, SiblingsReadTheirOperandOnce) {
  Net net;  // what the gradients of a normalisation's gain and shift do
  const TensorId dy = net.input("dy", {2, 3, 4}), y = net.input("y", {2, 3, 4});
  const TensorId shift = net.op(OpKind::reduce_sum, "shift", {dy}, axes({0, 2}, false));
  const TensorId product = net.op(OpKind::multiply, "product", {dy, y});
  const TensorId gain = net.op(OpKind::reduce_sum, "gain", {product}, axes({0, 2}, false));
  const Graph fused = fuse(net.graph, {});
  ASSERT_EQ(names(fused), (Names{"shift+product+gain"}));
  EXPECT_EQ(fused.ops[0].inputs, (std::vector{dy, y}));
  EXPECT_EQ(fused.ops[0].outputs, (std::vector{shift, gain}));
  expect_same(net.graph, {});
  Fusion many_rows;
  many_rows.least_rows = 4;  // there are 3
  EXPECT_EQ(names(fuse(net.graph, many_rows)), (Names{"shift", "product", "gain"}));
}

TEST(Fuse, EpilogueOfAContraction) {
  Net net;
  const TensorId a = net.input("a", {3, 1, 4}), w = net.input("w", {3, 4, 6}, Role::parameter);
  const TensorId b = net.input("b", {6}, Role::parameter), skip = net.input("skip", {3, 1, 6});
  const TensorId p = net.op(OpKind::matmul, "p", {a, w});
  const TensorId sum = net.op(OpKind::add, "bias", {p, b});
  const TensorId act = net.op(OpKind::gelu, "gelu", {sum});
  const TensorId y = net.op(OpKind::add, "residual", {skip, act});
  net.op(OpKind::softmax, "rows", {y}, {{"axes", std::vector<std::int64_t>{2}}});
  Fusion fusion;
  fusion.epilogues = true;
  const Graph fused = fuse(net.graph, fusion);
  ASSERT_EQ(names(fused), (Names{"p+bias+gelu+residual", "rows"}));
  const Op& op = fused.ops[0];
  EXPECT_EQ(op.kind, OpKind::matmul);
  EXPECT_EQ(family(op), Family::contraction);
  EXPECT_EQ(op.inputs, (std::vector{a, w, b, skip}));
  EXPECT_EQ(op.outputs, (std::vector{y}));
  EXPECT_EQ(op.formula->space, (Shape{3, 1, 6}));  // of the result, axis by axis
  EXPECT_EQ(op.formula->strides[0], (Shape{6, 0, 1}));
  EXPECT_EQ(op.formula->strides[1], (Shape{0, 0, 1}));
  EXPECT_EQ(flops(fused, op), 2 * 3 * 4 * 6 + 3 * 18);
  expect_same(net.graph, fusion);
  EXPECT_EQ(names(fuse(net.graph, {})), (Names{"p", "bias+gelu+residual+rows"}));
}

TEST(Fuse, APersistentTensorIsNotReadAfterItsUpdate) {
  Net net;  // running mean: m' = m + mean(x); y reads the old m
  const TensorId x = net.input("x", {4, 5}), m = net.input("m", {5}, Role::state);
  const TensorId mean = net.op(OpKind::reduce_mean, "mean", {x}, axes({0}, false));
  const TensorId old = net.op(OpKind::scale, "old", {m}, {{"factor", 2.0}});
  const TensorId p = net.op(OpKind::matmul, "p", {x, x}, {{"transpose_b", true}});
  const TensorId next = net.op(OpKind::add, "next", {m, mean});
  net.graph.updates.push_back({m, next});
  const TensorId tall = net.op(OpKind::reduce_mean, "tall", {p}, axes({0, 1}, false));
  net.op(OpKind::add, "late", {old, tall});
  expect_same(net.graph, {});
  const Graph fused = fuse(net.graph, {});
  EXPECT_NO_THROW(storages(fused));
}

TEST(Fuse, NamesOfManyMembersAreShort) {
  Net net;
  TensorId x = net.input("x", {4});
  for (int i = 0; i < 20; ++i) x = net.op(OpKind::exp, "encoder.layer." + std::to_string(i), {x});
  const Graph fused = fuse(net.graph, {});
  EXPECT_EQ(names(fused), (Names{"encoder.layer.0+..+encoder.layer.19"}));
}

TEST(Fuse, LimitsAreKept) {
  Net net;
  TensorId x = net.input("x", {4});
  for (int i = 0; i < 9; ++i) {
    x = net.op(OpKind::add, "a" + std::to_string(i), {x, net.input("b" + std::to_string(i), {4})});
  }
  Fusion few;
  few.most_operands = 3;
  EXPECT_EQ(names(fuse(net.graph, few)), (Names{"a0+a1", "a2+a3", "a4+a5", "a6+a7", "a8"}));
  few = {};
  few.most_terms = 5;  // two additions, three operands
  EXPECT_EQ(fuse(net.graph, few).ops.size(), 5u);
}

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
    switch (below(14)) {
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
