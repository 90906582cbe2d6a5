// The closed form of bursts does what the controller does command by command, on all traffic.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "play.hpp"

namespace triad::memory::dram {
namespace {

void expect_equal(const play::Deeds& one_by_one, const play::Deeds& burst) {
  RC_ASSERT(play::difference(one_by_one.commands, burst.commands) == "");
  RC_ASSERT(play::difference(one_by_one.served, burst.served) == "");
  RC_ASSERT(play::difference(one_by_one.transfers, burst.transfers) == "");
  const Statistics &a = one_by_one.statistics, &b = burst.statistics;
  RC_ASSERT(a.reading == b.reading);
  RC_ASSERT(a.writing == b.writing);
  RC_ASSERT(a.refreshing == b.refreshing);
  RC_ASSERT(a.row == b.row);
  RC_ASSERT(a.turnaround == b.turnaround);
  RC_ASSERT(a.bank_group == b.bank_group);
  RC_ASSERT(a.command == b.command);
  RC_ASSERT(a.idle == b.idle);
}

RC_GTEST_PROP(BurstEquality, RandomTraffic, ()) {
  Parameters p = play::parameters();
  const int slot = *rc::gen::inRange(0, p.organization.pseudo_channels);
  const std::vector<play::Push> pushes = play::traffic(p);
  p.scheduler.burst = false;
  const play::Deeds one_by_one = play::play(p, slot, pushes);
  p.scheduler.burst = true;
  expect_equal(one_by_one, play::play(p, slot, pushes));
}

RC_GTEST_PROP(BurstEquality, InRandomSteps, ()) {
  Parameters p = play::parameters();
  const std::vector<play::Push> pushes = play::traffic(p);
  const std::vector<Cycle> cuts = play::cuts(200, *rc::gen::element(3, 50, 700));
  p.scheduler.burst = false;
  const play::Deeds one_by_one = play::play(p, 0, pushes);
  p.scheduler.burst = true;
  expect_equal(one_by_one, play::play(p, 0, pushes, cuts));
}

/// Long ranges, one after the other through all banks, as a machine's DMA reads and writes them.
RC_GTEST_PROP(BurstEquality, LongRanges, ()) {
  Parameters p = play::parameters();
  const Organization& o = p.organization;
  const auto ways = static_cast<std::uint8_t>(*rc::gen::element(1, std::min(o.bank_groups, Run::most_ways)));
  const int writes = *rc::gen::element(0, 0, 5, 10);
  std::vector<play::Push> pushes;
  for (int i = 0; i < 24; ++i) {
    play::Push push;
    push.run.request = static_cast<std::uint64_t>(i);
    push.run.ways = ways;
    for (int w = 0; w < ways; ++w) {
      push.run.banks[static_cast<std::size_t>(w)] = static_cast<std::uint8_t>(w * o.banks + i % o.banks);
    }
    push.run.row = i / o.banks;
    push.run.begin = *rc::gen::element(0u, 0u, 5u);
    push.run.end = static_cast<std::uint32_t>(o.columns * ways) - *rc::gen::element(0u, 0u, 3u);
    push.run.write = *rc::gen::inRange(0, 10) < writes;
    pushes.push_back(push);
  }
  p.scheduler.burst = false;
  const play::Deeds one_by_one = play::play(p, 0, pushes);
  p.scheduler.burst = true;
  expect_equal(one_by_one, play::play(p, 0, pushes));
}

/// Runs of several ways that meet in the same banks: rows that are closed right after their last column, reads of which
/// some columns are served from the write queue, writes that wait for reads.
RC_GTEST_PROP(BurstEquality, RunsThatMeet, ()) {
  Parameters p = play::parameters();
  const Organization& o = p.organization;
  const int rows = *rc::gen::inRange(1, 4), writes = *rc::gen::element(0, 3, 5);
  const int step = *rc::gen::element(1, o.banks);
  const int most_ways = step == 1 ? o.banks : std::min(o.bank_groups, Run::most_ways);
  const auto longest = *rc::gen::element(6, 30, 100);
  std::vector<play::Push> pushes;
  Cycle at = 0;
  for (int i = 0; i < 40; ++i) {
    play::Push push;
    push.run.request = static_cast<std::uint64_t>(i);
    push.run.ways = static_cast<std::uint8_t>(*rc::gen::element(1, most_ways));
    for (int w = 0; w < push.run.ways; ++w) {
      push.run.banks[static_cast<std::size_t>(w)] = static_cast<std::uint8_t>(w * step);
    }
    push.run.row = *rc::gen::inRange(0, rows);
    const int columns = o.columns * push.run.ways;
    push.run.begin = static_cast<std::uint32_t>(*rc::gen::inRange(0, columns));
    push.run.end = std::min(static_cast<std::uint32_t>(columns),
                            push.run.begin + static_cast<std::uint32_t>(*rc::gen::inRange(1, longest)));
    push.run.write = *rc::gen::inRange(0, 10) < writes;
    at += static_cast<Cycle>(*rc::gen::element(0, 0, 10, 60));
    push.at = at;
    pushes.push_back(push);
  }
  p.scheduler.burst = false;
  const play::Deeds one_by_one = play::play(p, 0, pushes);
  p.scheduler.burst = true;
  expect_equal(one_by_one, play::play(p, 0, pushes));
}

/// Columns 8 to 10 of the long read come from the write queue: it goes on at column 11.
TEST(BurstEquality, ColumnsFromTheWriteQueueLeaveAGap) {
  Parameters p = ddr4();
  p.scheduler.read_queue = 64;
  const std::vector<play::Push> pushes{
      {{.request = 0, .end = 1, .row = 1, .banks = {1}}, 0},
      {{.request = 1, .begin = 8, .end = 11, .row = 5, .write = true}, 0},
      {{.request = 2, .end = 32, .row = 5}, 0},
  };
  p.scheduler.burst = false;
  const play::Deeds one_by_one = play::play(p, 0, pushes);
  p.scheduler.burst = true;
  const play::Deeds burst = play::play(p, 0, pushes);
  EXPECT_EQ(one_by_one.statistics.forwarded, 3u);
  EXPECT_EQ(play::difference(one_by_one.commands, burst.commands), "");
  EXPECT_EQ(play::difference(one_by_one.served, burst.served), "");
}

/// A read of four banks follows a write of one of them that is being drained: columns that are still to be written come
/// from the write queue, which is empty when the read goes on. A strand that ended before them must not grow over them.
TEST(BurstEquality, AStrandDoesNotGrowOverColumnsFromTheWriteQueue) {
  Parameters p = hbm2();
  p.scheduler.write_high = 1;
  p.scheduler.write_low = 0;
  for (Cycle at = 0; at < 120; ++at) {  // how much has been written when the read enters
    const std::vector<play::Push> pushes{
        {{.request = 0, .end = 32, .row = 1, .write = true}, 0},
        {{.request = 1, .end = 128, .row = 1, .banks = {0, 4, 8, 12}, .ways = 4}, at},
    };
    p.scheduler.burst = false;
    const play::Deeds one_by_one = play::play(p, 0, pushes);
    p.scheduler.burst = true;
    const play::Deeds burst = play::play(p, 0, pushes);
    EXPECT_EQ(play::difference(one_by_one.commands, burst.commands), "") << at;
    EXPECT_EQ(play::difference(one_by_one.served, burst.served), "") << at;
  }
}

}  // namespace
}  // namespace triad::memory::dram
