// The bound on how long a column waits, under traffic that would starve it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "play.hpp"

namespace triad::memory::dram {
namespace {

/// Row hits of bank 0's row 5 without end, `writes` of them or reads; at cycle 200 one read of row 6. Returns how many
/// cycles after it entered its data were there; the stream lasts for 30,000 cycles.
Cycle wait_of_the_other_row(Cycle starvation, bool writes) {
  Parameters p = ddr4();
  p.scheduler.starvation = starvation;
  Controller controller(p, 0, nullptr);
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  std::uint64_t id = 1;
  for (Cycle now = 0; now < 30'000; now += 100) {
    if (now == 200) controller.push({.request = 0, .begin = 3, .end = 4, .row = 6}, now);
    while (controller.backlog() < 32) {
      const auto column = static_cast<std::uint32_t>(id % 32);
      controller.push({.request = id++, .begin = column, .end = column + 1, .row = 5, .write = writes}, now);
    }
    controller.advance(now + 100, served, transfers);
  }
  controller.advance(100'000, served, transfers);
  for (const Served& s : served) {
    if (s.request == 0) return s.last - s.entered;
  }
  ADD_FAILURE() << "never served";
  return 0;
}

TEST(ControllerStarvation, RowHitsDelayAnotherRowByTheBound) {
  const Timing t = ddr4().timing;
  // The last hit was read at most tCCD_L before the bound; from there precharge, activate, read.
  const Cycle after = static_cast<Cycle>(t.tRTP + t.tRP + t.tRCDRD + t.tCL + t.tBURST);
  for (const Cycle bound : {500u, 2'000u, 8'000u}) {
    const Cycle wait = wait_of_the_other_row(bound, false);
    EXPECT_LE(wait, bound + after);
    EXPECT_GE(wait, bound + after - static_cast<Cycle>(t.tCCD_L));
  }
  EXPECT_GT(wait_of_the_other_row(1'000'000, false), 29'000u);  // without a bound it waits for the end of the stream
}

TEST(ControllerStarvation, WritesDelayAReadByTheBound) {
  const Timing t = ddr4().timing;
  // The write queue is never down to its low mark. The last write was issued before the bound.
  const Cycle after = static_cast<Cycle>(t.tCWL + t.tBURST + t.tWR + t.tRP + t.tRCDRD + t.tCL + t.tBURST);
  const Cycle wait = wait_of_the_other_row(3'000, true);
  EXPECT_LE(wait, 3'000 + after);
  EXPECT_GT(wait, 3'000u);
  EXPECT_GT(wait_of_the_other_row(1'000'000, true), 29'000u);
}

/// Whatever the traffic: no column waits longer than the bound, and then for those that starve already, one after the
/// other, each with its precharge and activate, and for refreshes.
RC_GTEST_PROP(ControllerStarvation, BoundsEveryColumn, ()) {
  Parameters p = play::parameters();
  std::vector<play::Push> pushes = play::traffic(p);
  for (play::Push& push : pushes) push.run.end = push.run.begin + 1;
  Controller controller(p, 0, nullptr);
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  std::map<std::uint64_t, bool> writes;
  for (const play::Push& push : pushes) {
    controller.push(push.run, push.at);
    writes[push.run.request] = push.run.write;
  }
  controller.advance(pushes.back().at + 2'000'000, served, transfers);
  const Timing& t = p.timing;
  const int one = std::max(t.tRC, t.tRAS + t.tRP) + t.tFAW + t.tCWL + t.tBURST + std::max(t.tWR, t.tWTR_L) + t.tRTW +
                  t.tRP + t.tRCDRD + t.tCL + t.tBURST + 2 * p.organization.pseudo_channels;
  const int all = p.scheduler.read_queue + p.scheduler.write_queue;
  Cycle bound = p.scheduler.starvation + static_cast<Cycle>(all) * static_cast<Cycle>(one);
  if (p.scheduler.refresh != RefreshPolicy::none) {  // a fraction of the time, and one that has just begun
    const int banks = p.scheduler.refresh == RefreshPolicy::per_bank ? p.organization.banks_per_rank() : 1;
    const auto busy = static_cast<Cycle>(one + (banks == 1 ? t.tRFC : t.tRFCpb));
    const Cycle interval = static_cast<Cycle>(t.tREFI / banks / p.organization.ranks);
    RC_PRE(busy * 2 < interval);
    bound = 2 * bound + 2 * busy;
  }
  for (const Served& s : served) {
    if (!writes[s.request]) RC_ASSERT(s.last - s.entered <= bound);
  }
}

}  // namespace
}  // namespace triad::memory::dram
