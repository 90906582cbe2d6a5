#include <gtest/gtest.h>

#include "models/tpu/units/vector_cost.hpp"
#include "sim/graph/op.hpp"
#include "support.hpp"

/// The cycle in which everything happens, of programs of a few instructions, on the tiny TPU: 500 MHz (a cycle is 2
/// ns), launch 200 ns = 100 cycles, queues of 8, vector unit of 4 lanes and 6 cycles, transpose 4, DMA setup 4 and 4
/// requests, on-chip latency 2, a 4 x 4 matrix unit; memory: 500 MHz, 60 ns, 2 channels, 16 ns per access of 32 bytes.
///
/// In every program the first instruction is dispatched in cycle 100, after the launch, and seen by its unit in cycle
/// 101. An instruction that completes in cycle t signals its token in t, which is seen in t + 1; the sequencer ends
/// the run in the cycle in which it sees the last one.
namespace triad::tpu {
namespace {

using graph::OpKind;

Parameters parameters(const test::Settings& settings = {}) {
  return Parameters::read(config::load(config::presets() / "tpu/tiny.yaml", settings));
}

/// Runs a program that belongs to no op.
device::RunResult run(std::vector<Instruction> code, const test::Settings& settings = {}, int steps = 1) {
  device::Job job;
  job.name = "program";
  job.steps = steps;
  for (Instruction& instruction : code) instruction.op = -1;
  const TpuProgram program(parameters(settings), std::move(code));
  return test::run(*test::make("tiny", settings), program, job, {});
}

Block block(std::uint64_t address, std::uint64_t rows, std::uint64_t columns) {
  return {address, rows, columns, 4 * columns, Format::fp32};
}

/// A formula over dense operands and results, all of the space's shape (`per_row` results: of its rows), 1 KiB apart.
Vector instruction(graph::Formula formula) {
  Vector v{nullptr, graph::Shape(formula.space.size(), 0), formula.space, {}, {}};
  std::uint64_t address = 0;
  const auto place = [&](bool per_row) {
    Place made{std::exchange(address, address + 1024), std::vector<std::int64_t>(formula.space.size(), 0)};
    std::int64_t stride = 4;
    for (std::size_t axis = formula.space.size(); axis-- > 0;) {
      if (per_row && formula.reduced[axis]) continue;
      made.strides[axis] = stride;
      stride *= formula.space[axis];
    }
    return made;
  };
  for (std::size_t i = 0; i < formula.strides.size(); ++i) v.operands.push_back(place(false));
  for (const auto& result : formula.results) v.results.push_back({place(result.per_row)});
  v.formula = std::make_shared<const graph::Formula>(std::move(formula));
  return v;
}

/// The formula of an op over operands of these shapes.
graph::Formula formula(OpKind kind, const std::vector<graph::Tensor>& operands, graph::Attributes attributes = {}) {
  graph::Graph graph;
  std::vector<graph::TensorId> inputs;
  for (const graph::Tensor& operand : operands) inputs.push_back(graph.add_tensor(operand));
  graph.add_op(kind, "op", inputs, std::move(attributes));
  return graph::formula_of(graph, graph.ops[0]);
}

graph::Tensor tensor(const graph::Shape& shape, Format format = Format::fp32) {
  return {"x", shape, format, graph::Role::input};
}

Instruction add(std::uint64_t elements, std::vector<Wait> waits = {}) {
  const graph::Tensor x = tensor({static_cast<std::int64_t>(elements)});
  return {parameters().vector_unit(), -1, std::move(waits), instruction(formula(OpKind::add, {x, x}))};
}

Instruction transpose(std::uint64_t rows, std::uint64_t columns, std::vector<Wait> waits = {}) {
  return {parameters().transpose_unit(), -1, std::move(waits),
          Transpose{block(4096, rows, columns), block(8192, columns, rows)}};
}

Instruction load(std::uint64_t bytes, std::uint64_t memory = 0, std::vector<Wait> waits = {}) {
  return {parameters().load_unit(), -1, std::move(waits), Transfer{{memory, 0, 1}, 0, bytes, {}}};
}

Instruction store(std::uint64_t bytes, std::uint64_t memory = 0, std::vector<Wait> waits = {}) {
  return {parameters().store_unit(), -1, std::move(waits), Transfer{{memory, 0, 1}, 0, bytes, {}}};
}

Instruction weights(std::vector<Wait> waits = {}) {
  return {parameters().weights_unit(0), -1, std::move(waits), LoadWeights{block(0, 4, 4), 0}};
}

Instruction multiply(std::uint64_t rows, bool swap = true, std::vector<Wait> waits = {}) {
  return {parameters().matrix_unit(0), -1, std::move(waits),
          MatrixMultiply{block(1024, rows, 4), 0, block(2048, rows, 4), false, swap}};
}

using States = std::map<std::string, std::uint64_t>;

const device::UnitResult& unit(const device::RunResult& result, const std::string& name) {
  for (const device::UnitResult& unit : result.units) {
    if (unit.name == name) return unit;
  }
  throw std::out_of_range(name);
}

/// Without idle cycles.
States states(const device::RunResult& result, const std::string& name) {
  States out = unit(result, name).cycles;
  out.erase("idle");
  return out;
}

TEST(SequencerTiming, AnEmptyProgramIsItsLaunch) {
  EXPECT_EQ(run({}).cycles, 100u);
  // The next step begins a cycle after the end of the one before: 100 + 1 + 100 + 1 + 100.
  EXPECT_EQ(run({}, {}, 3).cycles, 302u);
  // Two steps a launch: 100, 1 + 0, 1 + 100, 1 + 0
  EXPECT_EQ(run({}, {"sequencer.steps_per_launch=2"}, 4).cycles, 203u);
  // 201 ns are 100.5 cycles: 101.
  EXPECT_EQ(run({}, {"sequencer.launch=201 ns"}).cycles, 101u);
}

TEST(SequencerTiming, OneInstructionACycleInOrder) {
  // Dispatched in 100, 101, 102, 103; the last unit sees its in 104. A transpose of 3 rows takes 3 + 4.
  const auto result = run({add(1), add(1), add(1), transpose(3, 1)});
  EXPECT_EQ(result.cycles, 104u + 3 + 4 + 1);
  EXPECT_EQ(states(result, "sequencer"), (States{{"launch", 100}, {"busy", 4}}));
  EXPECT_EQ(unit(result, "sequencer").actions.at("instructions"), 4u);
}

TEST(SequencerTiming, AFullQueueStopsIt) {
  // A queue of one. Dispatched in 100, taken in 101; the place is free in 102: the second is dispatched then and seen
  // in 103, when the lanes are free of the first (101 + 1). The transpose follows in 103 and is seen in 104.
  const auto result = run({add(1), add(1), transpose(1, 1)}, {"sequencer.queue_depth=1"});
  EXPECT_EQ(result.cycles, std::max(103u + 1 + 6 + 1, 104u + 1 + 4 + 1));
  // With 40 elements, 10 cycles of the lanes: the second is dispatched in 102 and taken in 111, a place is free in 112
  // for the third, and the transpose, behind it, follows in 113.
  const auto blocked = run({add(40), add(40), add(40), transpose(20, 1)}, {"sequencer.queue_depth=1"});
  EXPECT_EQ(blocked.cycles, 114u + 20 + 4 + 1);
  EXPECT_EQ(unit(blocked, "transpose").cycles.at("busy"), 20u);
}

TEST(VectorTiming, LanesThenLatency) {
  // 10 elements on 4 lanes: 3 cycles, then 6 of the pipeline.
  const auto result = run({add(10)});
  EXPECT_EQ(result.cycles, 101u + 3 + 6 + 1);
  EXPECT_EQ(states(result, "vpu"), (States{{"busy", 3}}));
  EXPECT_EQ(unit(result, "vpu").actions.at("lane_additions"), 10u);
  EXPECT_EQ(unit(result, "vpu").actions.at("vmem_bytes"), 3u * 40);
}

TEST(VectorTiming, InstructionsFollowWhenTheLanesAreFree) {
  // 101 .. 104, 104 .. 107 (dispatched in 101, seen in 102, it waits for the lanes), results 6 later.
  EXPECT_EQ(run({add(10), add(10)}).cycles, 107u + 6 + 1);
  // A dependent one waits for the result: 101 + 3 + 6 = 110 signals, 111 begins.
  const auto result = run({add(10), add(10, {{parameters().vector_unit(), 1}})});
  EXPECT_EQ(result.cycles, 111u + 3 + 6 + 1);
  EXPECT_EQ(states(result, "vpu"), (States{{"busy", 6}, {"operands", 7}}));  // 104 .. 111
}

/// Cycles and operations of README's rules.
TEST(VectorTiming, Cost) {
  const auto of = [](OpKind kind, const std::vector<graph::Shape>& shapes, int lanes,
                     graph::Attributes attributes = {}) {
    std::vector<graph::Tensor> operands;
    for (const graph::Shape& shape : shapes) operands.push_back(tensor(shape));
    const bool classes = kind == OpKind::cross_entropy || kind == OpKind::cross_entropy_grad;
    if (classes) operands[1].format = Format::int32;
    return cost(instruction(formula(kind, operands, std::move(attributes))), lanes);
  };
  const graph::Attributes rows = {{"axes", std::vector<std::int64_t>{0}}},
                          last = {{"axes", std::vector<std::int64_t>{1}}};
  EXPECT_EQ(of(OpKind::add, {{3, 5}, {3, 5}}, 4).cycles, 4u);  // ceil(15 / 4)
  EXPECT_EQ(of(OpKind::divide, {{3, 5}, {3, 5}}, 4).cycles, 4u * 8);
  EXPECT_EQ(of(OpKind::exp, {{3, 5}}, 4).cycles, 4u * 23);
  EXPECT_EQ(of(OpKind::log, {{3, 5}}, 4).cycles, 4u * 27);
  EXPECT_EQ(of(OpKind::erf, {{3, 5}}, 4).cycles, 4u * 32);
  EXPECT_EQ(of(OpKind::tanh, {{3, 5}}, 4).cycles, 4u * 50);
  EXPECT_EQ(of(OpKind::cast, {{3, 5}}, 4, {{"format", std::string("bf16")}}).cycles, 4u);  // a move
  // A term is computed once for each point along which it varies: the root of 3 values a row, 1 cycle of 4 lanes.
  EXPECT_EQ(of(OpKind::mse, {{3, 5}, {3, 5}}, 4).cycles, 4u * 3 + 2 + 1);  // log2(4) steps; times 1 / n
  EXPECT_EQ(of(OpKind::mse, {{3, 5}, {3, 5}}, 5).cycles, 3u * 3 + 3 + 1);  // ceil(log2(5))
  EXPECT_EQ(of(OpKind::mse, {{3, 5}, {3, 5}}, 1).cycles, 15u * 3 + 1);     // a single lane needs no tree
  EXPECT_EQ(of(OpKind::reduce_sum, {{7, 3}}, 4, rows).cycles, 7u);         // a row a cycle, the fourth lane idles
  EXPECT_EQ(of(OpKind::reduce_sum, {{7, 9}}, 4, rows).cycles, 7u * 3);     // ceil(9 / 4) cycles a row
  // 35 elements on 8 lanes are 5 cycles; trees of 5 in 3 steps, 7 x 5 lanes wide: 5 groups
  EXPECT_EQ(of(OpKind::reduce_sum, {{7, 5}}, 8, last).cycles, 5u + 5 * 3);
  // maximum, difference, exponential, sum, division: 1 + 1 + 23 + 1 + 8 of 15 elements; two trees of rows of 5, 4 wide
  EXPECT_EQ(of(OpKind::softmax, {{3, 5}}, 4, last).cycles, 4u * 34 + 2 * (3 * 2));
  // p - rate * g: two operations
  EXPECT_EQ(of(OpKind::sgd, {{16}, {16}, {}}, 8).cycles, 2u * 2);

  EXPECT_EQ(of(OpKind::mse, {{3, 5}, {3, 5}}, 4).operations.additions, 2u * 15 + 3);  // and 3 in the tree over 4 lanes
  EXPECT_EQ(of(OpKind::mse, {{3, 5}, {3, 5}}, 4).operations.multiplications, 15u + 1);
  EXPECT_EQ(of(OpKind::multiply, {{3, 5}, {3, 5}}, 4).operations.multiplications, 15u);
  EXPECT_EQ(of(OpKind::multiply, {{3, 5}, {3, 5}}, 4).operations.additions, 0u);
}

/// A wait is for what came last: 32 bytes are on chip in 141 (below), a transpose of 60 rows is done in 102 + 60 + 4.
TEST(VectorTiming, AWaitIsForTheLastToken) {
  const Wait loaded = {parameters().load_unit(), 1}, turned = {parameters().transpose_unit(), 1};
  for (const std::vector<Wait>& waits : {std::vector{loaded, turned}, std::vector{turned, loaded}}) {
    // Dispatched in 102, seen in 103; the token of the transpose is seen in 167.
    EXPECT_EQ(states(run({load(32), transpose(60, 1), add(4, waits)}), "vpu"),
              (States{{"operands", 167 - 103}, {"busy", 1}}));
    // A transpose of 3 rows is done long before the load: seen in 142.
    EXPECT_EQ(states(run({load(32), transpose(3, 1), add(4, waits)}), "vpu"),
              (States{{"memory", 142 - 103}, {"busy", 1}}));
  }
}

TEST(TransposeTiming, ARowACycleThenLatency) {
  const auto result = run({transpose(5, 3)});
  EXPECT_EQ(result.cycles, 101u + 5 + 4 + 1);
  EXPECT_EQ(states(result, "transpose"), (States{{"busy", 5}}));
  EXPECT_EQ(unit(result, "transpose").actions.at("vmem_bytes"), 2u * 15 * 4);
  // 9 columns through a unit as wide as the matrix unit: three cycles a row
  EXPECT_EQ(run({transpose(5, 9)}).cycles, 101u + 15 + 4 + 1);
}

TEST(DmaTiming, ALoadIsSetupLatencyAndTransfer) {
  // Issued in 101 (202 ns); the memory sees it at its next edge, 204 ns, + 60 latency + 16 = 280 ns, which is the edge
  // of cycle 140; a message that crosses clocks is seen strictly later: 141.
  EXPECT_EQ(run({load(32)}).cycles, 141u + 1);
  // 64 bytes lie in one channel, two accesses: 296 ns is cycle 148, seen in 149.
  const auto result = run({load(64)});
  EXPECT_EQ(result.cycles, 149u + 1);
  EXPECT_EQ(states(result, "dma_load"), (States{{"memory", 149 - 101}}));
  EXPECT_EQ(states(result, "memory.channel0"), (States{{"busy", 16}}));  // 264 .. 296 ns
  EXPECT_EQ(result.read_bytes, 64u);
  EXPECT_EQ(result.written_bytes, 0u);
  // Both channels: no longer.
  EXPECT_EQ(run({load(128)}).cycles, 149u + 1);
  // A store takes the same way.
  const auto stored = run({store(64)});
  EXPECT_EQ(stored.cycles, 149u + 1);
  EXPECT_EQ(stored.written_bytes, 64u);
}

TEST(DmaTiming, DescriptorsFollowAfterSetup) {
  // The second is issued 4 cycles after the first, in 105 (210 ns): 212 + 60 + 16 = 288 ns in the other channel, cycle
  // 144, seen in 145.
  EXPECT_EQ(run({load(32), load(32, 64)}).cycles, 145u + 1);
  // In the same channel it is served behind the first, which is done at 280 ns: 288 at the earliest is 272 + 16.
  EXPECT_EQ(run({load(32), load(32, 128)}).cycles, 149u + 1);  // max(280, 272) + 16 = 296 ns = cycle 148
  // Loads and stores have a queue each: the store is dispatched in 101, issued in 102 (204 ns): 206 + 60 + 16 = 282 ns
  // = cycle 141, seen in 142.
  EXPECT_EQ(run({load(32), store(32, 64)}).cycles, 142u + 1);
}

TEST(DmaTiming, RequestsBoundWhatIsInFlight) {
  // One in flight: the second is issued when the first is complete, in 141 (282 ns): 284 + 60 + 16 = 360 ns = cycle
  // 180, seen in 181.
  EXPECT_EQ(run({load(32), load(32, 64)}, {"dma.requests=1"}).cycles, 181u + 1);
}

TEST(DmaTiming, TheCreditsOfTheMemoryToo) {
  // Refused while the first is in flight; the memory frees its credit at 280 ns = cycle 140, the unit is woken in 141
  // and issues: as above.
  EXPECT_EQ(run({load(32), load(32, 64)}, {"memory.credits=1"}).cycles, 181u + 1);
}

/// systolic/README.md: a row that arrives in cycle t enters the array in t + 1 at the earliest, one a cycle, the first
/// row of a burst after the last of its weights; its result leaves L = R + C + 2 = 10 cycles later.
TEST(MatrixTiming, OneTile) {
  // Weights: issued in 101, read until 103, enter in 104 .. 107. Rows: issued in 102, arrive in 104, wait for the
  // weights, enter in 108 .. 112; results leave in 118 .. 122, the burst is complete in 123.
  const auto result = run({weights(), multiply(5)});
  EXPECT_EQ(result.cycles, 123u + 1);
  // operands: rows are there from 102 on, weights enter in 104; drain 113 .. 123
  EXPECT_EQ(states(result, "mxu0"), (States{{"operands", 2}, {"fill", 4}, {"busy", 5}, {"drain", 10}}));
  EXPECT_EQ(unit(result, "mxu0").actions.at("mac_bf16"), 5u * 4 * 4);
  EXPECT_EQ(unit(result, "mxu0").actions.at("vmem_read_bytes"), (4u * 4 + 5 * 4) * 4);
  EXPECT_EQ(unit(result, "mxu0").actions.at("vmem_written_bytes"), 5u * 4 * 4);
}

TEST(MatrixTiming, TheNextTileEntersBehindTheRowsOfTheFirst) {
  // Tile 1 may enter the shadow bank from the cycle after the swap, 109, on: 109 .. 112. Its rows are dispatched in
  // 103, arrive in 106 and enter behind the others: 113 .. 117. Results leave until 127.
  const auto result = run({weights(), multiply(5), weights(), multiply(5)});
  EXPECT_EQ(result.cycles, 128u + 1);
  EXPECT_EQ(states(result, "mxu0"), (States{{"operands", 2}, {"fill", 4}, {"busy", 10}, {"drain", 10}}));
}

TEST(MatrixTiming, ShortBurstsWaitForWeights) {
  // Tile 1 enters in 109 .. 112; its single row in 113, leaves in 123.
  const auto result = run({weights(), multiply(1), weights(), multiply(1)});
  EXPECT_EQ(result.cycles, 124u + 1);
  // fill 104 .. 108 and 109 .. 113; busy 108 and 113; drain of the first hidden, of the second 114 .. 124
  EXPECT_EQ(states(result, "mxu0"), (States{{"operands", 2}, {"fill", 8}, {"busy", 2}, {"drain", 10}}));
}

TEST(MatrixTiming, RowsThatKeepTheWeightsNeedNoTile) {
  // Rows of the second burst enter right behind the first: 113 .. 117, leave until 127.
  const auto result = run({weights(), multiply(5), multiply(5, false)});
  EXPECT_EQ(result.cycles, 128u + 1);
}

TEST(MatrixTiming, RowsThatWaitForTheDma) {
  // 32 bytes are on chip in 141. Weights entered long before (104 .. 108); rows are issued in 142, arrive in 144 and
  // enter in 145 .. 149; results leave until 159.
  const auto result = run({load(32), weights(), multiply(5, true, {{parameters().load_unit(), 1}})});
  EXPECT_EQ(result.cycles, 160u + 1);
  // The weights are dispatched a cycle later than above: 105 .. 109; fill, too, from the issue to the first row.
  EXPECT_EQ(states(result, "mxu0"), (States{{"fill", 4 + 3}, {"busy", 5}, {"drain", 10}}));
}

TEST(MatrixTiming, WeightsThatWaitForTheDmaAreNoFill) {
  // Weights are issued in 142, enter in 145 .. 148, rows in 149 .. 153, results until 163. Rows are there from 103 on.
  const auto result = run({load(32), weights({{parameters().load_unit(), 1}}), multiply(5)});
  EXPECT_EQ(result.cycles, 164u + 1);
  EXPECT_EQ(states(result, "mxu0"), (States{{"memory", 145 - 103}, {"fill", 4}, {"busy", 5}, {"drain", 10}}));
}

}  // namespace
}  // namespace triad::tpu
