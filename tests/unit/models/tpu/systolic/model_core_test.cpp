#include "models/tpu/systolic/model_core.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "sim/device/device.hpp"
#include "sim/numerics/systolic_chain.hpp"

namespace triad::systolic {
namespace {

std::vector<std::uint16_t> numbers(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint16_t> values(count);
  for (auto& value : values) value = static_cast<std::uint16_t>(0x3e00 | (random() & 0x81ff));
  return values;
}

CoreOptions shape(int rows, int columns) {
  CoreOptions options;
  options.rows = rows;
  options.columns = columns;
  return options;
}

// 4x4: L = 4 + 4 + 2 = 10.
TEST(ModelCore, OneTileOneRow) {
  ModelCore core(shape(4, 4));
  core.push_weights({.first_cycle = 100, .values = {}});
  core.push_rows({.first_cycle = 100, .count = 1, .swap = true, .values = {}});
  core.advance_to(1000);
  const auto weights = core.next_weights();
  const auto rows = core.next_rows();
  ASSERT_TRUE(weights && rows);
  EXPECT_EQ(weights->first_accept, 101u);  // 100 arrives + 1 FIFO
  EXPECT_EQ(weights->last_accept, 104u);   // + 3 more rows
  EXPECT_EQ(rows->first_admit, 105u);      // the cycle after the last weight row
  EXPECT_EQ(rows->first_take, 115u);       // + L 10
  EXPECT_FALSE(core.next_weights() || core.next_rows());
  core.finish();
}

TEST(ModelCore, ShortTilesAreBoundByTheWeights) {
  ModelCore core(shape(4, 4));
  for (int tile = 0; tile < 3; ++tile) {
    core.push_weights({.first_cycle = 0, .values = {}});
    core.push_rows({.first_cycle = 0, .count = 2, .swap = true, .values = {}});
  }
  core.advance_to(1000);
  // tile 0: arrives 0, accepted 1..4, admitted 5; then a tile every 4 rows + 1: its shadow bank is free the cycle after
  // a swap
  for (std::uint64_t tile = 0; tile < 3; ++tile) {
    const auto rows = core.next_rows();
    ASSERT_TRUE(rows);
    EXPECT_EQ(rows->first_admit, 5 + 5 * tile);
    EXPECT_EQ(rows->last_admit, 6 + 5 * tile);
    EXPECT_EQ(rows->last_take, 16 + 5 * tile);  // + L 10
  }
}

TEST(ModelCore, LongTilesHideTheirWeights) {
  ModelCore core(shape(4, 4));
  for (int tile = 0; tile < 3; ++tile) {
    core.push_weights({.first_cycle = 0, .values = {}});
    core.push_rows({.first_cycle = 0, .count = 7, .swap = true, .values = {}});
  }
  core.advance_to(1000);
  for (std::uint64_t tile = 0; tile < 3; ++tile)
    EXPECT_EQ(core.next_rows()->first_admit, 5 + 7 * tile);  // back to back
}

TEST(ModelCore, TheNextTileMayBePushedBeforeTheRowsOfThisOne) {
  ModelCore core(shape(3, 5));
  core.push_weights({.first_cycle = 0, .values = {}});
  core.push_weights({.first_cycle = 2, .values = {}});
  core.advance_to(50);
  EXPECT_TRUE(core.next_weights());
  EXPECT_FALSE(core.next_weights());
  EXPECT_EQ(core.next_cycle(), never);
  EXPECT_EQ(core.outstanding(), "3 weight rows from tile 1 on wait for the rows that swap in tile 0");
  core.push_rows({.first_cycle = 60, .count = 1, .swap = true, .values = {}});
  EXPECT_EQ(core.next_cycle(), 65u);  // 60 arrives, 61 admitted, 62..64 the next tile's 3 rows; news from 65 on
  core.advance_to(65);
  EXPECT_EQ(core.next_weights()->last_accept, 64u);
  EXPECT_EQ(core.next_cycle(), 72u);  // 61 + L (3 + 5 + 2) + 1
}

TEST(ModelCore, RowsAfterAnIdleTimeUseTheSameWeights) {
  ModelCore core(shape(4, 4));
  core.push_weights({.first_cycle = 0, .values = {}});
  core.push_rows({.first_cycle = 0, .count = 1, .swap = true, .values = {}});
  core.push_rows({.first_cycle = 40, .count = 8, .swap = false, .values = {}});
  core.advance_to(1000);
  EXPECT_EQ(core.next_rows()->last_take, 15u);
  const auto second = core.next_rows();
  EXPECT_EQ(second->first_admit, 41u);
  EXPECT_EQ(second->last_take, 58u);  // 41 + 7 more rows + L 10
}

TEST(ModelCore, ComputesTheChainOfItsTile) {
  ModelCore core(shape(5, 3));
  const auto first = numbers(15, 1), second = numbers(15, 2), a = numbers(20, 3), b = numbers(35, 4);
  core.push_weights({.first_cycle = 0, .values = first});
  core.push_weights({.first_cycle = 0, .values = second});
  core.push_rows({.first_cycle = 0, .count = 4, .swap = true, .values = a});
  core.push_rows({.first_cycle = 0, .count = 7, .swap = true, .values = b});
  core.push_rows({.first_cycle = 0, .count = 4, .swap = false, .values = a});
  core.advance_to(1000);
  auto expect = [&](const std::vector<std::uint16_t>& rows, const std::vector<std::uint16_t>& weights) {
    const int count = static_cast<int>(rows.size()) / 5;
    std::vector<float> want(count * 3);
    numerics::systolic_chain(rows.data(), count, weights.data(), 5, 3, want.data());
    const auto done = core.next_rows();
    ASSERT_TRUE(done);
    EXPECT_EQ(done->values, want);
  };
  expect(a, first);
  expect(b, second);
  expect(a, second);
}

/// All events of a run, for the comparison of two ways to resolve it.
struct Log : TransferObserver {
  std::vector<std::vector<std::uint64_t>> port[3];
  void offered(Port p, std::uint64_t cycle, const std::uint16_t* row, bool swap) override {
    port[static_cast<int>(p)].push_back({0, cycle, row == nullptr ? 0u : row[0], swap});
  }
  void arrived(Port p, std::uint64_t cycle) override { port[static_cast<int>(p)].push_back({1, cycle}); }
  void accepted(Port, std::uint64_t cycle) override { accepts.push_back(cycle); }
  void produced(std::uint64_t cycle, const float*) override { port[2].push_back({0, cycle}); }
  void taken(std::uint64_t cycle) override { port[2].push_back({1, cycle}); }
  std::vector<std::uint64_t> accepts;
};

TEST(ModelCore, WholeBurstsEqualRowByRow) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 300; ++trial) {
    const int rows = 1 + random() % 9, columns = 1 + random() % 9;
    Log collapsed_log, plain_log;
    ModelCore collapsed(shape(rows, columns), &collapsed_log, true), plain(shape(rows, columns), &plain_log, false);
    std::uint64_t now = 0;
    int tiles = 0, swaps = 0;
    for (int push = 0; push < 20; ++push) {
      now += random() % 3 == 0 ? random() % 40 : 0;
      collapsed.advance_to(now);
      plain.advance_to(now);
      const std::uint64_t first = now + random() % 12;
      if (random() % 2 == 0) {
        const auto values = numbers(rows * columns, random());
        collapsed.push_weights({first, values});
        plain.push_weights({first, values});
        ++tiles;
      } else {
        const bool swap = swaps == 0 || random() % 2 == 0;
        const int count = 1 + random() % 9;
        const auto values = numbers(count * rows, random());
        collapsed.push_rows({first, count, swap, values});
        plain.push_rows({first, count, swap, values});
        swaps += swap;
      }
    }
    for (int p = 0; p < 3; ++p)
      ASSERT_EQ(collapsed_log.port[p], plain_log.port[p]) << "trial " << trial << " port " << p;
    ASSERT_EQ(collapsed_log.accepts, plain_log.accepts) << "trial " << trial;
    collapsed.advance_to(100000);
    plain.advance_to(100000);
    ASSERT_EQ(collapsed.outstanding(), plain.outstanding());
    while (auto done = plain.next_rows()) {
      const auto other = collapsed.next_rows();
      ASSERT_TRUE(other);
      ASSERT_EQ(done->values, other->values);
      ASSERT_EQ(std::vector({done->first_admit, done->last_admit, done->first_take, done->last_take}),
                std::vector({other->first_admit, other->last_admit, other->first_take, other->last_take}));
    }
    while (auto done = plain.next_weights()) {
      const auto other = collapsed.next_weights();
      ASSERT_TRUE(other);
      ASSERT_EQ(std::pair(done->first_accept, done->last_accept), std::pair(other->first_accept, other->last_accept));
    }
  }
}

TEST(ModelCore, StallsDelayAndNeverReorder) {
  CoreOptions options = shape(4, 4);
  options.stalls = {.seed = 3, .percent = 60};
  Log log;
  ModelCore core(options, &log);
  core.push_weights({.first_cycle = 0, .values = {}});
  core.push_rows({.first_cycle = 0, .count = 100, .swap = true, .values = {}});
  std::uint64_t previous = 0;
  int taken = 0;
  for (const auto& event : log.port[2]) {
    if (event[0] == 0) continue;
    EXPECT_FALSE(options.stalls.stalled(2, event[1]));
    EXPECT_TRUE(taken == 0 || event[1] > previous);
    previous = event[1];
    ++taken;
  }
  EXPECT_EQ(taken, 100);
  EXPECT_GT(previous, 105u + 100u);  // 60 % of the sink's cycles are lost
}

TEST(ModelCore, NamesWrongUse) {
  ModelCore core(shape(4, 4));
  EXPECT_THROW(core.push_rows({.first_cycle = 0, .count = 1, .swap = false, .values = {}}), std::logic_error);
  EXPECT_THROW(core.push_weights({.first_cycle = 0, .values = numbers(15, 1)}), std::logic_error);
  EXPECT_THROW(core.push_rows({.first_cycle = 0, .count = 2, .swap = true, .values = numbers(4, 1)}), std::logic_error);
  core.advance_to(10);
  EXPECT_THROW(core.push_weights({.first_cycle = 9, .values = {}}), std::logic_error);
  EXPECT_THROW(make_core(shape(0, 4)), device::Unsupported);
}

TEST(ModelCore, WhatIsLeftOverIsAFault) {
  ModelCore core(shape(4, 4));
  core.push_rows({.first_cycle = 0, .count = 3, .swap = true, .values = {}});
  core.advance_to(100);
  try {
    core.finish();
    FAIL() << "3 rows are waiting";
  } catch (const device::Fault& fault) {
    EXPECT_STREQ(fault.what(),
                 "mxu0: left over at the end in cycle 100: 3 rows from burst 0 on wait for the weights of tile 0");
  }
  core.reset();
  core.finish();
  core.push_weights({.first_cycle = 101, .values = {}});
  core.push_rows({.first_cycle = 101, .count = 1, .swap = true, .values = {}});
  core.advance_to(200);
  EXPECT_EQ(core.next_rows()->last_take, 116u);  // 101 + 1 FIFO + 4 weight rows + L 10
}

}  // namespace
}  // namespace triad::systolic
