#include "models/tpu/compiler/residency.hpp"

#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "support.hpp"

namespace triad::tpu {
namespace {

using graph::OpKind;

/// b = relu(a); c = relu(b); d = b + c; kept as the parameter "result".
struct Chain {
  test::SingleOp op;
  graph::TensorId a, b, c, d;
  explicit Chain(std::int64_t elements) {
    a = op.input({elements}, std::vector<float>(static_cast<std::size_t>(elements), 1));
    b = op.op(OpKind::relu, {a})[0];
    c = op.op(OpKind::relu, {b})[0];
    d = op.op(OpKind::add, {b, c})[0];
    op.keep(d);
  }
  std::optional<std::uint64_t> address(graph::TensorId id, std::uint64_t budget) const {
    const kit::MemoryMap map(op.job, op.job.graph);
    return Residency(op.job.graph, map, budget).address(map.storage(id));
  }
};

TEST(Residency, WhatTheStepMakesStaysWhatIsReadOnceIsStreamed) {
  const Chain chain(16);  // 64 bytes each
  EXPECT_FALSE(chain.address(chain.a, 4096));
  EXPECT_EQ(chain.address(chain.b, 4096), 0u);
  EXPECT_EQ(chain.address(chain.c, 4096), 64u);
  EXPECT_EQ(chain.address(chain.d, 4096), 128u);
}

TEST(Residency, SizesAreAligned) {
  const Chain chain(17);  // 68 bytes: 128
  EXPECT_EQ(chain.address(chain.c, 4096), 128u);
}

TEST(Residency, FirstComeFirstServedWithinTheBudget) {
  const Chain chain(16);
  EXPECT_EQ(chain.address(chain.b, 128), 0u);
  EXPECT_EQ(chain.address(chain.c, 128), 64u);
  EXPECT_FALSE(chain.address(chain.d, 128));  // b and c are alive until d is made
  EXPECT_FALSE(chain.address(chain.b, 63));
}

TEST(Residency, APlaceIsUsedAgainAfterTheLastUse) {
  test::SingleOp op;
  graph::TensorId x = op.input({16}, std::vector<float>(16, 1));
  std::vector<graph::TensorId> made;
  for (int i = 0; i < 5; ++i) made.push_back(x = op.op(OpKind::relu, {x})[0]);
  op.keep(x);
  const kit::MemoryMap map(op.job, op.job.graph);
  const Residency residency(op.job.graph, map, 128);
  // Each is dead when the one after the next is made.
  const std::vector<std::uint64_t> places = {0, 64, 0, 64, 0};
  for (std::size_t i = 0; i < made.size(); ++i) EXPECT_EQ(residency.address(map.storage(made[i])), places[i]);
}

TEST(Residency, AnInputThatIsReadTwiceStays) {
  test::SingleOp op;
  const auto x = op.input({16}, std::vector<float>(16, 1));
  op.keep(op.op(OpKind::multiply, {x, x})[0]);
  const kit::MemoryMap map(op.job, op.job.graph);
  EXPECT_TRUE(Residency(op.job.graph, map, 4096).address(x));
}

/// Tensors that are alive at once never share a byte, in a training step of real size.
TEST(Residency, NothingAliveOverlaps) {
  const device::Job job = test::load("mlp");
  const kit::MemoryMap map(job, job.graph);
  const Residency residency(job.graph, map, 300'000);
  struct Life {
    int first = -1, last = -1;
    std::uint64_t begin = 0, end = 0;
  };
  std::map<graph::TensorId, Life> lives;
  for (int i = 0; i < static_cast<int>(job.graph.ops.size()); ++i) {
    const graph::Op& op = job.graph.ops[static_cast<std::size_t>(i)];
    std::vector<graph::TensorId> touched = op.inputs;
    touched.insert(touched.end(), op.outputs.begin(), op.outputs.end());
    for (const graph::TensorId id : touched) {
      const auto address = residency.address(map.storage(id));
      if (!address) continue;
      Life& life = lives[map.storage(id)];
      if (life.first < 0) life.first = i;
      life.last = i;
      life.begin = *address;
      life.end = *address + static_cast<std::uint64_t>(job.graph.tensor(id).bytes());
    }
  }
  EXPECT_GT(lives.size(), 8u);
  for (const auto& [a, x] : lives) {
    EXPECT_LE(x.end, 300'000u);
    for (const auto& [b, y] : lives) {
      if (a == b || x.last < y.first || y.last < x.first) continue;
      EXPECT_TRUE(x.end <= y.begin || y.end <= x.begin) << a << " and " << b;
    }
  }
}

}  // namespace
}  // namespace triad::tpu
