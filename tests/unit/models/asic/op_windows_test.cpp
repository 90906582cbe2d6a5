#include <gtest/gtest.h>

#include <map>

#include "sim/graph/op.hpp"
#include "support.hpp"

/// When a run says that an op began and ended, and what it says bound it. A layer is programmed while its engine still
/// works on others; that must not count as the op's.
namespace triad::asic {
namespace {

/// A step whose ops follow one after the other: each reads what the one before wrote (2 MiB between two of them).
device::Job chain() {
  return workload::read(config::parse(R"(
name: chain
input: {shape: [32, 2, 64, 128]}
layers:
  - {type: conv2d, name: c, out_channels: 2, kernel: 1}
  - {type: transpose, name: t, permutation: [3, 2, 1, 0]}
  - {type: transpose, name: t2, permutation: [3, 2, 1, 0]}
  - {type: mean, axes: [1, 2, 3]}
loss: mse
optimizer: {type: sgd, learning_rate: 0.1}
steps: 1
values: off
)"));
}

/// A product's point-wise layer waits for nothing but its own operands: it may read them (a bias) when the layer before
/// has left the engine, whose last results, of as much as the stream buffer holds, are still on their way to memory.
/// At worst all of it lies in one of the four channels: 8 KiB at 25.6 / 4 B a cycle are 1280, and the memory's latency.
constexpr std::uint64_t epilogue_read_ahead_cycles = 1600;

/// The last step's windows. No op begins before all that it reads is written: its layer waits for the done counters of
/// its producers, so the read-ahead is zero cycles, but for epilogues.
std::map<std::string, device::OpResult> windows(const device::Device& device, const device::Job& job,
                                                const device::RunResult& result) {
  std::map<std::string, device::OpResult> windows;
  for (const device::OpResult& op : result.ops) windows.emplace(op.name, op);
  const auto program = device.lower(job);
  const graph::Graph& graph = dynamic_cast<const Program&>(*program).graph;
  std::map<graph::TensorId, std::string> producer;
  std::size_t pairs = 0;
  for (const graph::Op& op : graph.ops) {
    for (const graph::TensorId input : op.inputs) {
      const auto found = producer.find(input);
      if (found == producer.end() || !windows.contains(op.name) || !windows.contains(found->second)) continue;
      const bool epilogue = graph::is_contraction(op.kind) && op.formula != nullptr;
      EXPECT_GE(windows.at(op.name).begin_cycle + (epilogue ? epilogue_read_ahead_cycles : 0),
                windows.at(found->second).end_cycle)
          << op.name << " reads what " << found->second << " writes";
      ++pairs;
    }
    for (const graph::TensorId output : op.outputs) producer[output] = op.name;
  }
  EXPECT_GT(pairs, 0u);
  return windows;
}

/// Programming fills the two groups of the reshape engine at once: the second transpose's when the first has just
/// begun, a whole layer before there is anything to read.
TEST(OpWindows, OfASerialChainFollowOneAnother) {
  const device::Job job = chain();
  const auto device = test::make("nvdla-2048-train");
  const device::RunResult result = test::run(*device, job);
  const auto ops = windows(*device, job, result);
  // Between two ops lie done counters and the way to the next layer, some hundred cycles of hundreds of thousands. The
  // bias's gradient is no link of the chain: it runs beside the weight's.
  std::uint64_t sum = 0;
  for (const auto& [name, op] : ops) sum += name == "c.bias.image.grad" ? 0 : op.end_cycle - op.begin_cycle;
  EXPECT_NEAR(static_cast<double>(sum) / static_cast<double>(result.cycles), 1, 0.005);
  for (const char* name : {"t.transpose", "t2.transpose"}) EXPECT_EQ(ops.at(name).bound_by, "memory") << name;
}

class OpOrder : public testing::TestWithParam<test::Settings> {};

/// Any number of register groups, several steps, ops that do run side by side.
TEST_P(OpOrder, AnOpBeginsWhenItsOperandsAreWritten) {
  const device::Job job = test::load("mlp", {"steps=3"});
  const auto device = test::make("nvdla-2048-train", GetParam());
  windows(*device, job, test::run(*device, job));
}

INSTANTIATE_TEST_SUITE_P(Groups, OpOrder,
                         testing::Values(test::Settings{}, test::Settings{"command.register_groups=1"},
                                         test::Settings{"command.register_groups=7", "command.prefetch=32"}));

}  // namespace
}  // namespace triad::asic
