// What a controller does with single runs and small mixes: every cycle is computed in the comments.
#include "models/memory/dram/controller.hpp"

#include <gtest/gtest.h>

#include <string>

namespace triad::memory::dram {
namespace {

/// One rank, two bank groups of two banks; small, different numbers, so that each parameter shows.
Parameters small() {
  Parameters p;
  p.clock_hz = 1'000'000'000;
  p.organization = {.bank_groups = 2, .banks = 2, .rows = 64, .columns = 32};
  p.timing = {.tBURST = 4,
              .tCL = 10,
              .tCWL = 8,
              .tRCDRD = 9,
              .tRCDWR = 7,
              .tRP = 11,
              .tRAS = 20,
              .tRC = 31,
              .tCCD_S = 4,
              .tCCD_L = 6,
              .tRRD_S = 3,
              .tRRD_L = 5,
              .tFAW = 16,
              .tRTP = 5,
              .tWR = 12,
              .tWTR_S = 2,
              .tWTR_L = 6,
              .tRTW = 9};
  p.scheduler.refresh = RefreshPolicy::none;
  return p;
}

Parameters with_write_queue(int columns, int high, int low) {
  Parameters p = small();
  p.scheduler.write_queue = columns;
  p.scheduler.write_high = high;
  p.scheduler.write_low = low;
  return p;
}

struct Trace : Observer {
  void command(const Issued& issued) override { commands.push_back(issued); }
  /// "ACT 0 @0" for every command: its bank and cycle.
  std::string text() const {
    std::string all;
    for (const Issued& i : commands) {
      all += std::string(all.empty() ? "" : ", ") + to_string(i.command) + " " + std::to_string(i.bank) + " @" +
             std::to_string(i.at);
    }
    return all;
  }
  std::vector<Issued> commands;
};

struct Bench {
  explicit Bench(const Parameters& p, int slot = 0) : controller(p, slot, &trace) {}
  void advance(Cycle until) { controller.advance(until, served, transfers); }
  Trace trace;
  Controller controller;
  std::vector<Served> served;
  std::vector<Transfer> transfers;
};

Run run(std::uint64_t request, std::uint8_t bank, std::int64_t row, std::uint32_t begin, std::uint32_t end,
        bool write = false) {
  Run r;
  r.request = request;
  r.begin = begin;
  r.end = end;
  r.row = row;
  r.banks[0] = bank;
  r.write = write;
  return r;
}

TEST(Controller, OneReadActivatesReadsAndIsServedWhenItsDataAreOver) {
  Bench b(small());
  b.controller.push(run(7, 1, 5, 3, 4), 2);
  EXPECT_EQ(b.controller.next(), 2u + 10 + 4);
  b.advance(100);
  EXPECT_EQ(b.trace.text(), "ACT 1 @2, RD 1 @11");  // tRCDRD
  ASSERT_EQ(b.served.size(), 1u);
  EXPECT_EQ(b.served[0].request, 7u);
  EXPECT_EQ(b.served[0].entered, 2u);
  EXPECT_EQ(b.served[0].first, 21u);  // tCL
  EXPECT_EQ(b.served[0].last, 25u);
  ASSERT_EQ(b.transfers.size(), 1u);
  EXPECT_EQ(b.transfers[0].from, 21u);
  EXPECT_EQ(b.transfers[0].to, 25u);
  EXPECT_TRUE(b.controller.idle());
  EXPECT_EQ(b.controller.next(), Controller::never);
}

TEST(Controller, RowHitsGoFirstAndARowStaysOpenWhileTheyWait) {
  Bench b(small());
  b.controller.push(run(0, 0, 5, 0, 1), 0);
  b.controller.push(run(1, 0, 6, 0, 1), 0);  // the other row, older than the hit
  b.controller.push(run(2, 0, 5, 1, 2), 0);
  b.advance(200);
  // PRE: max(tRAS = 20, last read 15 + tRTP = 20); ACT + tRP = 31 (= tRC); RD + tRCDRD.
  EXPECT_EQ(b.trace.text(), "ACT 0 @0, RD 0 @9, RD 0 @15, PRE 0 @20, ACT 0 @31, RD 0 @40");
  ASSERT_EQ(b.served.size(), 3u);
  EXPECT_EQ(b.served[1].request, 2u);
  EXPECT_EQ(b.served[2].request, 1u);
}

TEST(Controller, ColumnsOfSeveralWaysGoRoundTheirBanks) {
  Bench b(small());
  dram::Run r = run(0, 0, 5, 0, 6);
  r.banks = {0, 2};
  r.ways = 2;
  b.controller.push(r, 0);
  b.advance(100);
  // ACT 2 after tRRD_S; RD 2 needs 3 + 9 = 12, before bank 0's second one (9 + tCCD_L = 15) and 9 + tCCD_S = 13.
  EXPECT_EQ(b.trace.text(), "ACT 0 @0, ACT 2 @3, RD 0 @9, RD 2 @13, RD 0 @17, RD 2 @21, RD 0 @25, RD 2 @29");
  ASSERT_EQ(b.served.size(), 1u);
  EXPECT_EQ(b.served[0].columns, 6u);
  EXPECT_EQ(b.served[0].first, 19u);
  EXPECT_EQ(b.served[0].last, 43u);
  ASSERT_EQ(b.transfers.size(), 1u);  // no gap
  EXPECT_EQ(b.transfers[0].columns, 6u);
}

TEST(Controller, AutoPrechargeClosesTheRowAfterItsLastColumn) {
  Parameters p = small();
  p.scheduler.page = PagePolicy::closed;
  Bench b(p);
  b.controller.push(run(0, 0, 5, 0, 2), 0);
  b.advance(50);
  b.controller.push(run(1, 0, 5, 2, 3), 50);
  b.advance(100);
  EXPECT_EQ(b.trace.text(), "ACT 0 @0, RD 0 @9, RDA 0 @15, ACT 0 @50, RDA 0 @59");
  EXPECT_EQ(b.controller.statistics().precharges, 2u);
}

TEST(Controller, AWriteIsServedWhenItEntersItsQueue) {
  Bench b(with_write_queue(4, 4, 1));
  b.controller.push(run(0, 0, 5, 0, 6, true), 10);
  b.advance(100);
  // ACT 10, WR 10 + tRCDWR = 17, then every tCCD_L. Columns 4 and 5 enter in the cycle after the first two have left.
  EXPECT_EQ(b.trace.text(), "ACT 0 @10, WR 0 @17, WR 0 @23, WR 0 @29, WR 0 @35, WR 0 @41, WR 0 @47");
  ASSERT_EQ(b.served.size(), 1u);
  EXPECT_EQ(b.served[0].first, 10u);
  EXPECT_EQ(b.served[0].last, 24u);
}

TEST(Controller, WritesWaitForTheHighWatermarkAndStopAtTheLowOne) {
  Bench b(with_write_queue(4, 3, 1));
  b.controller.push(run(0, 0, 5, 0, 4), 0);
  b.controller.push(run(1, 0, 5, 10, 12, true), 0);
  b.controller.push(run(2, 0, 5, 12, 13, true), 10);
  b.advance(300);
  // From cycle 10 on three writes wait: two of them go (9 + tRTW = 18, but also the row is open: 18, 18 + tCCD_L), then
  // the reads (24 + tCWL + tBURST + tWTR_L = 42 ...), then the last write (54 + tRTW).
  EXPECT_EQ(b.trace.text(), "ACT 0 @0, RD 0 @9, WR 0 @18, WR 0 @24, RD 0 @42, RD 0 @48, RD 0 @54, WR 0 @63");
}

TEST(Controller, AReadOfAColumnThatWaitsToBeWrittenIsServedFromTheQueue) {
  Bench b(small());
  b.controller.push(run(0, 1, 5, 0, 1), 0);  // keeps the controller reading
  b.controller.push(run(1, 0, 5, 4, 6, true), 0);
  b.controller.push(run(2, 0, 5, 3, 6), 0);  // column 3 comes from the bank
  b.advance(300);
  EXPECT_EQ(b.controller.statistics().forwarded, 2u);
  ASSERT_EQ(b.served.size(), 3u);
  EXPECT_EQ(b.served[0].request, 1u);
  EXPECT_EQ(b.served[2].request, 2u);
  EXPECT_EQ(b.served[2].columns, 3u);
  EXPECT_EQ(b.served[2].first, 10u);  // tCL after it entered
}

TEST(Controller, AWriteDoesNotOvertakeAnOlderReadOfItsColumn) {
  Bench b(with_write_queue(32, 1, 0));  // writes go at once
  b.controller.push(run(0, 0, 5, 4, 5), 0);
  b.controller.push(run(1, 0, 5, 4, 5, true), 0);
  b.controller.push(run(2, 0, 5, 4, 5), 0);
  b.advance(300);
  // The write enters after the read has gone, at 10; the read behind it is served from the queue: 10 + tCL + tBURST.
  EXPECT_EQ(b.trace.text(), "ACT 0 @0, RD 0 @9, WR 0 @18");
  ASSERT_EQ(b.served.size(), 3u);
  EXPECT_EQ(b.served[1].request, 1u);
  EXPECT_EQ(b.served[1].last, 10u);
  EXPECT_EQ(b.served[2].request, 2u);
  EXPECT_EQ(b.served[2].last, 24u);
}

TEST(Controller, RefreshOfARankClosesItsRowsFirst) {
  Parameters p = small();
  p.scheduler.refresh = RefreshPolicy::all_bank;
  p.timing.tREFI = 100;
  p.timing.tRFC = 40;
  Bench b(p);
  b.controller.push(run(0, 0, 5, 0, 1), 0);
  b.controller.push(run(1, 0, 5, 1, 2), 105);
  b.advance(210);
  // Due at 100: PREA at once, REF after tRP; the row again after tRFC. Due again at 200.
  EXPECT_EQ(b.trace.text(), "ACT 0 @0, RD 0 @9, PREA 0 @100, REFab 0 @111, ACT 0 @151, RD 0 @160, PREA 0 @200");
}

TEST(Controller, RanksAreRefreshedInTurn) {
  Parameters p = small();
  p.organization.ranks = 2;
  p.scheduler.refresh = RefreshPolicy::all_bank;
  p.timing.tREFI = 100;
  p.timing.tRFC = 40;
  Bench b(p);
  b.advance(260);
  EXPECT_EQ(b.trace.text(), "REFab 0 @100, REFab 4 @150, REFab 0 @200, REFab 4 @250");  // half a tREFI apart
}

TEST(Controller, RefreshOfABankLeavesTheOthersAlone) {
  Parameters p = small();
  p.scheduler.refresh = RefreshPolicy::per_bank;
  p.timing.tREFI = 400;  // a bank every 100
  p.timing.tRFCpb = 30;
  p.timing.tRREFD = 7;
  Bench b(p);
  b.controller.push(run(0, 0, 5, 0, 1), 80);
  b.controller.push(run(1, 1, 5, 0, 1), 99);
  b.controller.push(run(2, 0, 5, 1, 2), 101);
  b.advance(201);
  // Bank 0 is due at 100: tRAS ends at 80 + 20, PRE, REFpb after tRP. Bank 1 reads meanwhile.
  EXPECT_EQ(b.trace.text(),
            "ACT 0 @80, RD 0 @89, ACT 1 @99, PRE 0 @100, RD 1 @108, REFpb 0 @111, ACT 0 @141, RD 0 @150, PRE 1 @200");
}

TEST(Controller, PseudoChannelsIssueInTheirOwnCycles) {
  Parameters p = small();
  p.organization.pseudo_channels = 2;
  Bench b(p, 1);
  b.controller.push(run(0, 0, 5, 0, 2), 0);
  b.advance(100);
  EXPECT_EQ(b.trace.text(), "ACT 0 @1, RD 0 @11, RD 0 @17");
}

TEST(Controller, RowAndColumnCommandsShareACycleOnTwoBuses) {
  Parameters p = small();
  for (const bool dual : {false, true}) {
    p.scheduler.dual_command = dual;
    Bench b(p);
    b.controller.push(run(0, 0, 5, 0, 1), 0);
    b.controller.push(run(1, 2, 5, 0, 1), 9);
    b.advance(100);
    EXPECT_EQ(b.trace.text(),
              dual ? "ACT 0 @0, RD 0 @9, ACT 2 @9, RD 2 @18" : "ACT 0 @0, RD 0 @9, ACT 2 @10, RD 2 @19");
  }
}

TEST(Controller, ARefreshLeavesTheColumnBusFree) {
  Parameters p = small();
  p.scheduler.dual_command = true;
  p.scheduler.refresh = RefreshPolicy::per_bank;
  p.timing.tREFI = 400;  // a bank every 100
  p.timing.tRFCpb = 30;
  p.timing.tRREFD = 7;
  Bench b(p);
  b.controller.push(run(0, 2, 5, 0, 1), 91);
  b.advance(120);
  EXPECT_EQ(b.trace.text(), "ACT 2 @91, REFpb 0 @100, RD 2 @100");
}

TEST(Controller, StackSumsToTheCyclesThatPassed) {
  Bench b(small());
  b.controller.push(run(0, 0, 5, 0, 2), 20);
  b.controller.push(run(1, 0, 6, 0, 1), 20);
  b.advance(200);
  // ACT 20, RD 29, 35, PRE 40, ACT 51, RD 60. Data at 39..43, 45..49, 70..74.
  const Statistics s = b.controller.statistics();
  EXPECT_EQ(s.reading, 12u);
  EXPECT_EQ(s.idle, 30u + 126);  // until the first one waits (20, seen tCL later), and after the last one
  EXPECT_EQ(s.row, 9u + 21);
  EXPECT_EQ(s.bank_group, 2u);
  EXPECT_EQ(s.cycles(), 200u);
}

}  // namespace
}  // namespace triad::memory::dram
