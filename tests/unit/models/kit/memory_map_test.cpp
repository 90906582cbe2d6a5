#include "models/kit/memory_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "sim/device/device.hpp"
#include "sim/graph/passes.hpp"
#include "sim/graph/training.hpp"

namespace triad::kit {
namespace {

using device::HostTensor;
using graph::Role;
using numerics::Format;

/// y = reshape(x [2, 3]) * w [6]; loss = mse(y, t). Three steps; two batches of x, three of t.
struct Example {
  device::Job job;
  graph::TensorId x, w, t, flat, y;
  Example() {
    graph::Graph graph;
    x = graph.add_tensor({"x", {2, 3}, Format::fp32, Role::input});
    w = graph.add_tensor({"w", {6}, Format::fp32, Role::parameter});
    t = graph.add_tensor({"t", {6}, Format::fp32, Role::input});
    flat = graph.add_op(graph::OpKind::reshape, "flat", {x}, {{"shape", std::vector<std::int64_t>{6}}})[0];
    y = graph.add_op(graph::OpKind::multiply, "y", {flat, w})[0];
    graph.loss = graph.add_op(graph::OpKind::mse, "loss", {y, t})[0];
    graph::Training training;
    training.optimizer.momentum = 0.9;
    job.name = "example";
    job.graph = graph::training_step(graph, training);
    job.steps = 3;
    job.initial[w] = HostTensor::zeros({6});
    job.batches[x] = std::vector<HostTensor>(2, HostTensor::zeros({2, 3}));
    job.batches[t] = std::vector<HostTensor>(3, HostTensor::zeros({6}));
  }
  MemoryMap map() const { return {job, job.graph}; }
  std::vector<graph::TensorId> all() const {
    std::vector<graph::TensorId> ids(job.graph.tensors.size());
    std::iota(ids.begin(), ids.end(), 0);
    return ids;
  }
};

TEST(MemoryMap, EveryStorageHasItsPlace) {
  const Example e;
  const MemoryMap map = e.map();
  const graph::Graph& graph = e.job.graph;
  EXPECT_EQ(map.storage(e.flat), e.x);  // a reshape moves nothing
  for (const auto& update : graph.updates) {
    EXPECT_EQ(map.storage(update.updated), update.persistent);
    EXPECT_EQ(map.address(update.updated).base, map.address(update.persistent).base);
  }
  ASSERT_EQ(graph.updates.size(), 2u);  // w and its velocity

  // Batches: 24 bytes each, 256 apart, in turn; each input by its own list.
  const StepAddress& x = map.address(e.x);
  EXPECT_EQ(x.stride, 256u);
  EXPECT_EQ(x.at(0), x.base);
  EXPECT_EQ(x.at(1), x.base + 256);
  EXPECT_EQ(x.at(2), x.base);
  EXPECT_EQ(map.address(e.t).at(2), map.address(e.t).base + 512);
  EXPECT_EQ(map.address(e.t).at(3), map.address(e.t).base);
  EXPECT_EQ(map.address(e.flat).at(1), x.at(1));
  EXPECT_EQ(x.offset(8).at(3), x.base + 264);
  // An input without a list: one place.
  const auto rate = static_cast<std::size_t>(
      std::ranges::find(graph.tensors, graph::learning_rate_name, &graph::Tensor::name) - graph.tensors.begin());
  EXPECT_EQ(map.address(static_cast<graph::TensorId>(rate)).at(2),
            map.address(static_cast<graph::TensorId>(rate)).base);
  // The loss: one slot a step.
  const StepAddress& loss = map.address(graph.loss);
  EXPECT_EQ(loss.at(2), loss.base + 8);
  // What persists has one place.
  EXPECT_EQ(map.address(e.w).at(0), map.address(e.w).at(7));
}

/// [begin, end) of a tensor, over all steps.
std::pair<std::uint64_t, std::uint64_t> place(const MemoryMap& map, const graph::Graph& graph, graph::TensorId id) {
  const StepAddress& address = map.address(id);
  const auto bytes = static_cast<std::uint64_t>(graph.tensor(id).bytes());
  return {address.base, address.base + (address.period - 1) * address.stride + bytes};
}

TEST(MemoryMap, OnlyActivationsShareBytes) {
  const Example e;
  const MemoryMap map = e.map();
  const graph::Graph& graph = e.job.graph;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> apart;
  for (const graph::TensorId id : e.all()) {
    EXPECT_EQ(map.address(id).base % MemoryMap::alignment, 0u);
    EXPECT_LE(place(map, graph, id).second, map.bytes());
    if (map.storage(id) == id && (graph.tensor(id).role != Role::activation || id == graph.loss)) {
      apart.push_back(place(map, graph, id));
    }
  }
  std::ranges::sort(apart);
  for (std::size_t i = 1; i < apart.size(); ++i) EXPECT_LE(apart[i - 1].second, apart[i].first);
}

TEST(MemoryMap, WithoutValuesAddressesAreTheSameButForBatches) {
  const Example e;
  device::Job bare = e.job;
  bare.values = false;
  bare.initial.clear();
  bare.batches.clear();
  const MemoryMap with = e.map(), without(bare, bare.graph);
  for (const graph::TensorId id : e.all()) {
    if (e.job.graph.tensor(with.storage(id)).role == Role::input) {
      EXPECT_EQ(without.address(id).period, 1u);
    } else {
      EXPECT_EQ(with.address(id).base, without.address(id).base) << e.job.graph.tensor(id).name;
    }
  }
}

TEST(MemoryMap, InnerValuesOfAFusedOpLieNowhere) {
  graph::Graph graph;
  const auto x = graph.add_tensor({"x", {6}, Format::fp32, Role::input});
  const auto half = graph.add_op(graph::OpKind::scale, "half", {x}, {{"factor", 0.5}})[0];
  const auto y = graph.add_op(graph::OpKind::relu, "y", {half})[0];
  device::Job job;
  job.graph = graph;
  const MemoryMap map(job, graph::fuse(graph, {}));
  EXPECT_GE(map.address(y).base, 0u);
  EXPECT_THROW(map.address(half), std::logic_error);
}

TEST(MemoryMap, MayBeLargerThanTheMemoryWithoutValues) {
  graph::Graph graph;
  const auto x = graph.add_tensor({"x", {1 << 30}, Format::fp32, Role::input});
  graph.add_tensor({"w", {1LL << 40}, Format::fp32, Role::parameter});
  graph.add_op(graph::OpKind::relu, "y", {x});
  device::Job job;
  job.name = "large";
  job.graph = graph;
  job.values = false;
  const MemoryMap map(job, graph);
  const std::uint64_t needed = (1ULL << 42) + (1ULL << 32) + (1ULL << 32);  // w, x, y
  EXPECT_EQ(map.bytes(), needed);
  EXPECT_FALSE(fits_memory(map, needed - 1, job));
  EXPECT_TRUE(fits_memory(map, needed, job));
  job.values = true;
  try {
    fits_memory(map, 1000, job);
    FAIL();
  } catch (const device::Unsupported& error) {
    EXPECT_STREQ(error.what(),
                 "large needs 4406636445696 bytes of device memory, there are 1000 (memory.capacity); "
                 "it runs without values (values: off)");
  }
}

}  // namespace
}  // namespace triad::kit
