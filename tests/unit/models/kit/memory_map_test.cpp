#include "models/kit/memory_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/graph/op.hpp"
#include "sim/graph/training.hpp"

namespace triad::kit {
namespace {

using device::HostTensor;
using graph::Role;
using numerics::Format;

/// y = reshape(x [2, 3]) * w [6]; loss = mse(y, t). Three steps, two batches.
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
    job.graph = graph::training_step(graph, {0.1, 0.9});
    job.steps = 3;
    job.initial[w] = HostTensor::zeros({6});
    for (const auto id : {x, t}) {
      const auto& shape = job.graph.tensor(id).shape;
      job.batches[id] = {HostTensor::zeros(shape), HostTensor::zeros(shape)};
    }
  }
};

TEST(MemoryMap, EveryStorageHasItsPlace) {
  const Example e;
  const MemoryMap map(e.job);
  const graph::Graph& graph = e.job.graph;
  EXPECT_EQ(map.storage(e.flat), e.x);  // a reshape moves nothing
  for (const auto& update : graph.updates) EXPECT_EQ(map.storage(update.updated), update.persistent);
  ASSERT_EQ(graph.updates.size(), 2u);  // w and its velocity

  // Batches: 24 bytes each, 256 apart, in turn.
  const StepAddress& x = map.address(e.x);
  EXPECT_EQ(x.stride, 256u);
  EXPECT_EQ(x.at(0), x.base);
  EXPECT_EQ(x.at(1), x.base + 256);
  EXPECT_EQ(x.at(2), x.base);
  EXPECT_EQ(map.address(e.flat).base, x.base);
  EXPECT_EQ(x.offset(8).at(3), x.base + 264);
  // The loss: one slot a step.
  const StepAddress& loss = map.address(graph.loss);
  EXPECT_EQ(loss.at(2), loss.base + 8);
  // What persists has one place.
  EXPECT_EQ(map.address(e.w).at(0), map.address(e.w).at(7));
}

TEST(MemoryMap, PlacesAreAlignedAndApart) {
  const Example e;
  const MemoryMap map(e.job);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
  for (graph::TensorId id = 0; id < static_cast<graph::TensorId>(e.job.graph.tensors.size()); ++id) {
    if (map.storage(id) != id) continue;
    const StepAddress& address = map.address(id);
    EXPECT_EQ(address.base % MemoryMap::alignment, 0u);
    const auto bytes = static_cast<std::uint64_t>(e.job.graph.tensor(id).bytes());
    places.emplace_back(address.base, address.base + (address.period - 1) * address.stride + bytes);
  }
  std::sort(places.begin(), places.end());
  for (std::size_t i = 1; i < places.size(); ++i) EXPECT_LE(places[i - 1].second, places[i].first);
  EXPECT_LE(places.back().second, map.bytes());
}

}  // namespace
}  // namespace triad::kit
