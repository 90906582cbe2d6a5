#include <gtest/gtest.h>

#include "harness.hpp"

/// When the array does what, to the cycle. Tiny: 4 cells of 4 channels; buffer 1, cells 3, accumulator 2, done 2
/// cycles.
namespace triad::asic {
namespace {

using isa::Engine;
using test::layer_of;
using test::product;

struct Deliveries : DeliverySink {
  std::vector<Delivery> all;
  void deliver(Delivery delivery) override { all.push_back(std::move(delivery)); }
};

struct ArrayBench : test::Bench {
  explicit ArrayBench(const test::Settings& settings = {})
      : Bench(settings), array("mac", clock, parameters, buffer, scoreboard, recorder, technology, true, false) {
    array.connect(sink, {});
  }
  void operands(std::int64_t index, Cycle activations, Cycle weights) {
    array.loaded(OperandPort::activations, index, activations);
    array.loaded(OperandPort::weights, index, weights);
  }
  void offer(const isa::Descriptor& d, Cycle activations, Cycle weights, std::int64_t index = 0) {
    array.program(layer_of(d, index));
    operands(index, activations, weights);
  }
  Cycle done(std::int64_t layers) const { return scoreboard.ready_at(Engine::gemm, layers); }

  Deliveries sink;
  MacArray array;
};

TEST(MacArrayTiming, OneTile) {
  ArrayBench bench;
  bench.offer(product(6, 4, 4), 10, 7);
  bench.run({&bench.array});
  ASSERT_EQ(bench.sink.all.size(), 1u);
  // operands at 10 + 1 buffer + 4 kernels = first row at 15; + 3 cells + 2 accumulator
  EXPECT_EQ(bench.sink.all[0].ready, std::vector<Cycle>{20});
  // 20 + 6 rows + 2 until the done counter is seen
  EXPECT_EQ(bench.done(1), 28u);
}

TEST(MacArrayTiming, FewerKernelsThanCellsFillFaster) {
  ArrayBench bench;
  bench.offer(product(6, 1, 4), 10, 10);
  bench.run({&bench.array});
  // 10 + 1 buffer + 1 kernel + 3 cells + 2 accumulator
  EXPECT_EQ(bench.sink.all[0].ready, std::vector<Cycle>{17});
}

TEST(MacArrayTiming, LongStripesHideTheNextWeights) {
  ArrayBench bench;
  bench.offer(product(6, 4, 12), 10, 10);
  bench.run({&bench.array});
  // first row at 15, three blocks of channels of 6 rows each: 15, 21, 27; + 3 + 2
  EXPECT_EQ(bench.sink.all[0].ready, std::vector<Cycle>{32});
}

TEST(MacArrayTiming, ShortStripesWaitForWeights) {
  ArrayBench bench;
  bench.offer(product(2, 4, 12), 10, 10);
  bench.run({&bench.array});
  // the shadow weights of a block are loaded while the one before works: 1 buffer + 4 kernels > 2 rows: 15, 20, 25; + 3
  // + 2
  EXPECT_EQ(bench.sink.all[0].ready, std::vector<Cycle>{30});
}

TEST(MacArrayTiming, AShortStripeWaitsForItsSums) {
  ArrayBench bench({"gemm.accumulate_cycles=9"});
  bench.offer(product(2, 4, 12), 10, 10);
  bench.run({&bench.array});
  // the same sums again after 9 cycles: 15, 24, 33; + 3 cells + 9 accumulator
  EXPECT_EQ(bench.sink.all[0].ready, std::vector<Cycle>{45});
}

TEST(MacArrayTiming, ColumnGroupsDoNotShareSums) {
  ArrayBench bench({"gemm.accumulate_cycles=9"});
  bench.offer(product(6, 8, 4), 10, 10);
  bench.run({&bench.array});
  // the second group of four kernels begins right after the 6 rows of the first: 15, 21; + 3 + 9
  EXPECT_EQ(bench.sink.all[0].ready, (std::vector<Cycle>{27, 33}));
}

TEST(MacArrayTiming, AnFp32ProductTakesSixPasses) {
  ArrayBench bench;
  isa::Descriptor d = product(6, 4, 4);
  d.gemm.storage = isa::Storage::fp32;
  d.gemm.parts = 3;
  bench.offer(d, 10, 10);
  bench.run({&bench.array});
  // first row at 15, six times 6 rows, the last begins at 15 + 30; + 3 + 2
  EXPECT_EQ(bench.sink.all[0].ready, std::vector<Cycle>{50});
}

/// A layer of two tiles of channels: the second adds to the sums of the first, and only then they are delivered.
TEST(MacArrayTiming, TheNextTilesWeightsLoadMeanwhile) {
  ArrayBench bench;
  isa::Descriptor d = product(6, 4, 8);
  d.gemm.tile_depth = 4;
  bench.offer(d, 10, 10);
  bench.operands(0, 12, 12);
  bench.run({&bench.array});
  // first: rows 15..20; second: weights from 15 (shadow free) + 1 + 4 = 20, rows from 21; + 3 + 2
  ASSERT_EQ(bench.sink.all.size(), 1u);
  EXPECT_EQ(bench.sink.all[0].ready, std::vector<Cycle>{26});
  EXPECT_EQ(bench.done(1), 26 + 6 + 2u);
}

TEST(MacArrayTiming, AProductWaitsForTheDeliveryBuffer) {
  ArrayBench bench;
  bench.offer(product(6, 4, 4), 10, 10);
  bench.offer(product(6, 4, 4), 12, 12, 1);
  bench.run({&bench.array});
  EXPECT_EQ(bench.sink.all.size(), 1u);
  EXPECT_EQ(bench.array.waits_for(), "layer 1 (step 0): the point-wise engine to read the delivery buffer");
  bench.array.delivery_read(40);
  bench.run({&bench.array});
  // its first row is in the delivery buffer when that is free, at 40: it began 3 + 2 before
  ASSERT_EQ(bench.sink.all.size(), 2u);
  EXPECT_EQ(bench.sink.all[1].ready, std::vector<Cycle>{40});
}

/// What the loops deliver, in which order, and which operands stay in the buffer.
TEST(MacArrayTiming, TilesInTheOrderOfTheLoops) {
  isa::Gemm g = product(5, 6, 4).gemm;
  g.tile_rows = 2, g.tile_columns = 4;
  const auto walk = [&] {
    std::vector<std::array<std::int64_t, 4>> tiles;
    for (TileLoop loop(g); !loop.done(); loop.next()) {
      const Tile t = loop.tile();
      tiles.push_back({t.row, t.column, t.a_reuse, t.b_reuse});
    }
    return tiles;
  };
  using Tiles = std::vector<std::array<std::int64_t, 4>>;
  EXPECT_EQ(walk(), (Tiles{{0, 0, 0, 0}, {0, 4, 1, 0}, {2, 0, 0, 0}, {2, 4, 1, 0}, {4, 0, 0, 0}, {4, 4, 1, 0}}));
  g.columns_outer = true;
  EXPECT_EQ(walk(), (Tiles{{0, 0, 0, 0}, {2, 0, 0, 1}, {4, 0, 0, 1}, {0, 4, 0, 0}, {2, 4, 0, 1}, {4, 4, 0, 1}}));
}

TEST(MacArrayTiming, TheCycleStackSumsUp) {
  ArrayBench bench;
  bench.offer(product(6, 4, 12), 10, 10);
  bench.run({&bench.array});
  bench.recorder.finish(bench.clock.time_of(bench.done(1)));
  const auto& cycles = bench.recorder.units().at(0).cycles;
  const auto of = [&](activity::State state) { return cycles[static_cast<std::size_t>(state)]; };
  EXPECT_EQ(of(activity::State::memory), 10u);  // enabled at 0, operands at 10
  EXPECT_EQ(of(activity::State::fill), 5u);     // 1 buffer + 4 kernels
  EXPECT_EQ(of(activity::State::busy), 18u);    // 3 blocks x 6 rows
  EXPECT_EQ(of(activity::State::idle), bench.done(1) - 33);
}

}  // namespace
}  // namespace triad::asic
