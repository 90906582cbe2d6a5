#include <gtest/gtest.h>

#include "harness.hpp"

/// The streaming engines, to the cycle. Tiny: 4 lanes of 2 functions, 1 special lane, pipeline 4, an addition into the
/// same sum every 2 cycles, bursts of 64 B (16 values), memory latency 30 cycles, 8 cycles per access of 32 B, done 2
/// cycles.
namespace triad::asic {
namespace {

using graph::Function;
using isa::Engine;
using isa::Role;
using test::layer_of;

struct EngineBench : test::Bench {
  explicit EngineBench(const test::Settings& settings = {})
      : Bench(settings),
        memory("memory", memory_parameters, recorder, technology, true),
        interface("interface", clock, memory, memory_parameters.capacity, true, true),
        array("mac", clock, parameters, buffer, scoreboard, recorder, technology, true, false),
        pointwise("pointwise", clock, Engine::pointwise, parameters, parameters.pointwise, scoreboard, interface,
                  recorder, technology),
        reshape("reshape", clock, Engine::reshape, parameters, parameters.reshape, scoreboard, interface, recorder,
                technology),
        pooling("pooling", clock, parameters, scoreboard, interface, recorder, technology),
        indexed("indexed", clock, parameters, scoreboard, interface, recorder, technology) {
    pointwise.connect(array);
  }
  Cycle done(Engine engine, std::int64_t layers = 1) const { return scoreboard.ready_at(engine, layers); }
  memory::Memory memory;
  MemoryInterface interface;
  MacArray array;
  FormulaEngine pointwise, reshape;
  PoolingEngine pooling;
  IndexedEngine indexed;
};

isa::Stream stream(std::uint64_t address, std::vector<std::int64_t> strides, int term = 0) {
  return {{address, 0, 1}, isa::Storage::fp32, term, std::move(strides)};
}
isa::Term term(Function function, int a = -1, int b = -1) {
  return {function, {a, b, -1}, 0};
}

/// `terms` over `points` values of one operand.
isa::Descriptor layer(std::int64_t points, std::vector<isa::Term> terms) {
  isa::Descriptor d;
  d.engine = Engine::pointwise;
  d.axes = {{points, false, Role::batch}};
  d.operands = {stream(0, {1})};
  d.terms = std::move(terms);
  d.terms.insert(d.terms.begin(), term(Function::operand, 0));
  d.results = {stream(8192, {1}, static_cast<int>(d.terms.size()) - 1)};
  return d;
}
isa::Descriptor doubled() {
  return layer(16, {term(Function::add, 0, 0)});
}

TEST(PointWiseTiming, OneBurst) {
  EngineBench bench;
  bench.pointwise.program(layer_of(doubled()));
  bench.run({&bench.pointwise});
  // read: request at 1, memory's edge 2 + 30 + 2 accesses x 8 = 48, seen at 49; 16 values in 4 lanes = 53; pipeline 4 =
  // 57; write: request at 57, edge 58 + 30 + 16 = 104, seen at 105; done counter 107
  EXPECT_EQ(bench.done(Engine::pointwise), 107u);
}

TEST(PointWiseTiming, ALaneDoesTwoFunctionsInACycle) {
  EngineBench bench;
  bench.pointwise.program(
      layer_of(layer(16, {term(Function::add, 0, 0), term(Function::multiply, 1, 0), term(Function::add, 2, 1)})));
  bench.run({&bench.pointwise});
  // three functions take two turns: 4 more beats
  EXPECT_EQ(bench.done(Engine::pointwise), 107 + 4u);
}

TEST(PointWiseTiming, SpecialFunctionsHaveFewerLanes) {
  EngineBench bench;
  bench.pointwise.program(layer_of(layer(16, {term(Function::exponential, 0)})));
  bench.run({&bench.pointwise});
  // 16 values in one lane, 12 cycles more than in four
  EXPECT_EQ(bench.done(Engine::pointwise), 107 + 12u);
}

TEST(PointWiseTiming, TheSecondOperandComesOverTheOtherChannel) {
  EngineBench bench;
  isa::Descriptor d = layer(16, {term(Function::operand, 1), term(Function::add, 0, 1)});
  d.operands.push_back(stream(4096 + 64, {1}));  // channel 1 of 2
  bench.pointwise.program(layer_of(d));
  bench.run({&bench.pointwise});
  // one cycle later, as the interface issues one request a cycle
  EXPECT_EQ(bench.done(Engine::pointwise), 108u);
}

/// A bias of 4 values over 4 rows is read once, before the first values are taken.
TEST(PointWiseTiming, ARepeatedOperandStays) {
  EngineBench bench;
  isa::Descriptor d = layer(16, {term(Function::operand, 1), term(Function::add, 0, 1)});
  d.axes = {{4, false, Role::batch}, {4, false, Role::batch}};
  d.operands = {stream(0, {4, 1}), stream(4096, {0, 1})};
  d.results[0].strides = {4, 1};
  bench.pointwise.program(layer_of(d));
  bench.run({&bench.pointwise});
  EXPECT_EQ(bench.memory.read_bytes(), 64u + 16u);
  // bias: request 1, edge 2 + 30 + 8; the values behind it in the same channel: 40 + 16 = 56, seen at 57; 4 beats = 61;
  // + 4 = 65; edge 66 + 30 + 16 = 112, seen at 113; + 2
  EXPECT_EQ(bench.done(Engine::pointwise), 115u);
}

/// One row of 16: lanes x 2 chains take an addition in turn, so a beat a cycle.
TEST(PointWiseTiming, ASumEndsInATree) {
  EngineBench bench;
  isa::Descriptor d = layer(16, {term(Function::row_sum, 0)});
  d.axes[0].reduced = true;
  d.results[0].strides = {0};
  bench.pointwise.program(layer_of(d));
  bench.run({&bench.pointwise});
  // at 49: 4 beats = 53; tree over 8 chains: 3 levels x 2 = 59; one beat for the result = 60; pipeline 4 = 64; write of
  // 4 B: request at 64, edge 65 + 30 + 8 = 103, seen at 104; + 2
  EXPECT_EQ(bench.done(Engine::pointwise), 106u);
}

/// Columns of a 4 x 4 matrix: the lanes lie across, each row adds to the same sums, 2 cycles apart.
TEST(PointWiseTiming, ColumnSumsAreChains) {
  EngineBench bench;
  isa::Descriptor d = layer(16, {term(Function::row_sum, 0)});
  d.axes = {{4, true, Role::batch}, {4, false, Role::batch}};
  d.operands[0].strides = {4, 1};
  d.results[0].strides = {0, 1};
  bench.pointwise.program(layer_of(d));
  bench.run({&bench.pointwise});
  // at 49: 4 steps x 2 = 57; no tree; one beat for the four results = 58; + 4 = 62; write of 16 B: edge 63 + 30 + 8 =
  // 101, seen at 102; + 2
  EXPECT_EQ(bench.done(Engine::pointwise), 104u);
}

/// x - sum(x): what fits into the operand RAM is read once, what does not once per stage.
TEST(PointWiseTiming, AShortRowStays) {
  EngineBench bench;
  isa::Descriptor d = layer(32, {term(Function::row_sum, 0), term(Function::subtract, 0, 1)});
  d.axes[0].reduced = true;
  bench.pointwise.program(layer_of(d));
  bench.run({&bench.pointwise});
  EXPECT_EQ(bench.memory.read_bytes(), 4u * 32);
}
TEST(PointWiseTiming, LongerRowsThanTheOperandRam) {
  EngineBench bench;
  isa::Descriptor d = layer(128, {term(Function::row_sum, 0), term(Function::subtract, 0, 1)});
  d.axes[0].reduced = true;
  bench.pointwise.program(layer_of(d));
  bench.run({&bench.pointwise});
  EXPECT_EQ(bench.memory.read_bytes(), 2u * 4 * 128);
}

/// A layer reads while the results of the one before are still being written.
TEST(PointWiseTiming, LayersOverlapWithTheWritesBeforeThem) {
  EngineBench bench;
  bench.pointwise.program(layer_of(doubled()));
  bench.pointwise.program(layer_of(doubled(), 1));
  bench.run({&bench.pointwise});
  // The first has taken its values at 53 and writes at 57. The second requests at 54: edge 55 + 30 + 16 = 101, seen at
  // 102; so the channel is busy until 101, and the first's write ends at 101 + 16 = 117, seen at 118; + 2.
  EXPECT_EQ(bench.done(Engine::pointwise, 1), 120u);
  // 102 + 4 beats + 4 stages = 110; edge 111 + 30 + 16 = 157, seen at 158; + 2
  EXPECT_EQ(bench.done(Engine::pointwise, 2), 160u);
}

/// A product of 4 x 4 in one group of columns, taken by rows, or where `turned` with positions innermost.
isa::Descriptor flying(bool turned) {
  isa::Descriptor d = layer(16, {});
  d.flying = true;
  d.axes = {{4, false, turned ? Role::column : Role::row}, {4, false, turned ? Role::row : Role::column}};
  d.operands[0].strides = {4, 1};
  d.results[0].strides = {4, 1};
  d.gemm.rows = d.gemm.tile_rows = d.gemm.columns = d.gemm.tile_columns = 4;
  return d;
}
Delivery delivery(std::vector<Cycle> ready) {
  Tile tile;
  tile.rows = tile.columns = 4;
  return {tile, std::vector<float>(16, 1.0f), std::move(ready)};
}

TEST(PointWiseTiming, AProductIsTakenAsItsRowsCome) {
  EngineBench bench;
  bench.pointwise.program(layer_of(flying(false)));
  bench.pointwise.deliver(delivery({20}));
  bench.run({&bench.pointwise});
  // rows at 20..23, one beat each = 24; pipeline 4 = 28; write: edge 29 + 30 + 2 x 8 = 75, seen at 76; + 2
  EXPECT_EQ(bench.done(Engine::pointwise), 78u);
}

TEST(PointWiseTiming, AWideProductIsTakenAsFastAsTheLanesAre) {
  EngineBench bench({"pointwise.lanes=2"});
  bench.pointwise.program(layer_of(flying(false)));
  bench.pointwise.deliver(delivery({20}));
  bench.run({&bench.pointwise});
  // 20 + 4 rows x 2 beats = 28; + 4 = 32; edge 33 + 30 + 16 = 79, seen at 80; + 2
  EXPECT_EQ(bench.done(Engine::pointwise), 82u);
}

TEST(PointWiseTiming, AnImageIsTakenAcrossWhenItsRowsAreThere) {
  EngineBench bench;
  bench.pointwise.program(layer_of(flying(true)));
  bench.pointwise.deliver(delivery({20}));
  bench.run({&bench.pointwise});
  // the last row at 23, then 4 beats = 27; + 4 = 31; edge 32 + 30 + 16 = 78, seen at 79; + 2
  EXPECT_EQ(bench.done(Engine::pointwise), 81u);
}

/// 4 x 4 turned in a square: both sides move whole rows.
TEST(ReshapeTiming, ASquareIsTurned) {
  EngineBench bench;
  isa::Descriptor d = layer(16, {});
  d.engine = Engine::reshape;
  d.axes = {{4, false, Role::batch}, {4, false, Role::batch}};
  d.operands[0].strides = {1, 4};
  d.results[0].strides = {4, 1};
  bench.reshape.program(layer_of(d));
  bench.run({&bench.reshape});
  // 49 + 4 beats + 2 stages = 55; edge 56 + 30 + 16 = 102, seen at 103; + 2
  EXPECT_EQ(bench.done(Engine::reshape), 105u);
}

/// Windows of 2 x 2 over 4 x 4 pixels: 4 results of 4 values each.
TEST(PoolingTiming, FourWindows) {
  EngineBench bench;
  isa::Descriptor d;
  d.engine = Engine::pooling;
  d.window.kind = isa::Window::Kind::average;
  d.window.height = d.window.width = 4;
  d.window.out_height = d.window.out_width = 2;
  d.window.kernel = d.window.stride = {2, 2};
  d.operands = {stream(0, {})};
  d.results = {stream(8192, {})};
  bench.pooling.program(layer_of(d));
  bench.run({&bench.pooling});
  // 49 + 16 values in 4 lanes = 53; + 2 = 55; 16 B: edge 56 + 30 + 8 = 94, seen at 95; + 2
  EXPECT_EQ(bench.done(Engine::pooling), 97u);
}

/// Four rows of 4: first the indices, then the rows that they name.
TEST(IndexedTiming, RowsWaitForTheirIndices) {
  EngineBench bench;
  isa::Descriptor d;
  d.engine = Engine::indexed;
  d.indexed = {false, 4, 4, 4};
  d.operands = {stream(0, {}), stream(64, {})};
  d.results = {stream(8192, {})};
  bench.indexed.program(layer_of(d));
  bench.run({&bench.indexed});
  // indices: request 1, edge 2 + 30 + 8 = 40, seen at 41, taken in a cycle; rows requested at 42 to 45 in channel 0,
  // which is there from 43 + 30 on: 73 + 4 x 8 = 105, seen at 106; 16 values = 110; + 2 = 112; edge 113 + 30 + 16 =
  // 159, seen at 160; + 2
  EXPECT_EQ(bench.done(Engine::indexed), 162u);
}

}  // namespace
}  // namespace triad::asic
