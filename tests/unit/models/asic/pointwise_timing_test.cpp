#include <gtest/gtest.h>

#include "harness.hpp"

/// Point-wise and update engine, to the cycle. Tiny: 4 lanes, pipeline 4, bursts of 64 B (16 values), memory latency 30
/// cycles, 8 cycles per access of 32 B, done 2 cycles.
namespace triad::asic {
namespace {

using isa::Engine;
using isa::Field;
using isa::Function;
using isa::Operand;

struct EngineBench : test::Bench {
  explicit EngineBench(const test::Settings& settings = {})
      : Bench(settings),
        memory("memory", memory_parameters, recorder, technology),
        interface("interface", clock, memory, true),
        array("mac", clock, parameters, buffer, scoreboard, recorder, technology, false),
        pointwise("pointwise", clock, parameters, scoreboard, interface, array, recorder, technology),
        update("update", clock, parameters, scoreboard, interface, recorder, technology) {
    array.connect(pointwise, {});
  }
  memory::Memory memory;
  MemoryInterface interface;
  MacArray array;
  PointWise pointwise;
  Update update;
};

Layer layer(Function function, std::int64_t rows, std::int64_t columns) {
  Layer layer;
  layer.descriptor.set(Field::engine, static_cast<std::int64_t>(Engine::pointwise));
  layer.descriptor.set(Field::function, static_cast<std::int64_t>(function));
  layer.descriptor.set(Field::rows, rows);
  layer.descriptor.set(Field::columns, columns);
  layer.a = {0, 4 * columns};
  layer.b = {4096, 4 * columns};
  layer.out = {8192, 4 * columns};
  return layer;
}

TEST(PointWiseTiming, OneBurst) {
  EngineBench bench;
  bench.pointwise.program(layer(Function::scale, 1, 16));
  bench.run({&bench.pointwise});
  // read: request at 1, memory's edge 2 + 30 + 2 accesses x 8 = 48, seen at 49; 16 values in 4 lanes = 53; pipeline 4 =
  // 57; write: request at 57, edge 58 + 30 + 16 = 104, seen at 105; done counter 107
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::pointwise, 1), 107u);
}

TEST(PointWiseTiming, TheSecondOperandComesOverTheOtherChannel) {
  EngineBench bench;
  Layer add = layer(Function::add, 1, 16);
  add.descriptor.set(Field::operand, static_cast<std::int64_t>(Operand::elements));
  add.b.address += 64;  // channel 1 of 2
  bench.pointwise.program(add);
  bench.run({&bench.pointwise});
  // one cycle later, as the interface issues one request a cycle
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::pointwise, 1), 108u);
}

TEST(PointWiseTiming, ASumOfEverythingAddsUpInTheLanes) {
  EngineBench bench;
  Layer sum = layer(Function::sum_rows, 1, 16);
  sum.descriptor.set(Field::operand, static_cast<std::int64_t>(Operand::scalar));
  bench.pointwise.program(sum);
  bench.run({&bench.pointwise});
  // at 49: 4 beats of 4 values x 2 cycles each = 57; tree over 4 lanes 2 x 2 + 1 = 62; pipeline 4 = 66; write of 4 B:
  // request at 66, edge 67 + 30 + 8 = 105, seen at 106; + 2
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::pointwise, 1), 108u);
}

/// A layer reads while the results of the one before are still being written.
TEST(PointWiseTiming, LayersOverlapWithTheWritesBeforeThem) {
  EngineBench bench;
  bench.pointwise.program(layer(Function::scale, 1, 16));
  Layer second = layer(Function::scale, 1, 16);
  second.index = 1;
  bench.pointwise.program(second);
  bench.run({&bench.pointwise});
  // The first has taken its values at 53 and writes at 57. The second requests at 54: edge 55 + 30 + 16 = 101, seen at
  // 102; so the channel is busy until 101, and the first's write ends at 101 + 16 = 117, seen at 118; + 2.
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::pointwise, 1), 120u);
  // 102 + 4 beats + 4 stages = 110; edge 111 + 30 + 16 = 157, seen at 158; + 2
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::pointwise, 2), 160u);
}

Delivery delivery(std::int64_t rows, std::int64_t columns, std::vector<Cycle> ready) {
  return {rows, columns, std::vector<float>(static_cast<std::size_t>(rows * columns), 1.0f), std::move(ready)};
}

TEST(PointWiseTiming, AProductIsTakenAsItsRowsCome) {
  EngineBench bench;
  Layer out = layer(Function::pass, 4, 4);
  out.descriptor.set(Field::flying, 1);
  bench.pointwise.program(out);
  bench.pointwise.deliver(delivery(4, 4, {20}));
  bench.run({&bench.pointwise});
  // rows at 20..23, one beat each = 24; pipeline 4 = 28; write: edge 29 + 30 + 2 x 8 = 75, seen at 76; + 2
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::pointwise, 1), 78u);
}

TEST(PointWiseTiming, AWideProductIsTakenAsFastAsTheLanesAre) {
  EngineBench bench({"pointwise.lanes=2"});
  Layer out = layer(Function::pass, 4, 4);
  out.descriptor.set(Field::flying, 1);
  bench.pointwise.program(out);
  bench.pointwise.deliver(delivery(4, 4, {20}));
  bench.run({&bench.pointwise});
  // 20 + 4 rows x 2 beats = 28; + 4 = 32; edge 33 + 30 + 16 = 79, seen at 80; + 2
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::pointwise, 1), 82u);
}

TEST(UpdateTiming, OneBurst) {
  EngineBench bench;
  Layer update = layer(Function::pass, 1, 16);
  update.descriptor.set(Field::engine, static_cast<std::int64_t>(Engine::update));
  update.b.address += 64;
  bench.update.program(update);
  bench.run({&bench.update});
  // as two operands of the point-wise engine: 50 + 4 beats + 4 stages = 58; edge 59 + 30 + 16 = 105, seen at 106; + 2
  EXPECT_EQ(bench.scoreboard.ready_at(Engine::update, 1), 108u);
}

}  // namespace
}  // namespace triad::asic
