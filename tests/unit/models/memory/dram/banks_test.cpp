#include "models/memory/dram/banks.hpp"

#include <gtest/gtest.h>

#include <random>

namespace triad::memory::dram {
namespace {

/// DDR4-3200AA of two ranks (shared parameters of Ramulator 2 and DRAMsim3), in cycles of 0.625 ns.
Parameters ddr4() {
  Parameters p;
  p.organization.ranks = 2;
  p.organization.bank_groups = 4;
  p.organization.banks = 4;
  p.timing = {.tBURST = 4,
              .tCL = 22,
              .tCWL = 16,
              .tRCDRD = 22,
              .tRCDWR = 22,
              .tRP = 22,
              .tRAS = 52,
              .tRC = 74,
              .tCCD_S = 4,
              .tCCD_L = 8,
              .tRRD_S = 4,
              .tRRD_L = 8,
              .tFAW = 34,
              .tRTP = 12,
              .tWR = 24,
              .tWTR_S = 4,
              .tWTR_L = 12,
              .tRTW = 12,
              .tRTRS = 2,
              .tREFI = 12480,
              .tRFC = 576};
  return p;
}

TEST(Banks, ARowIsOpenFromItsActivateToItsPrecharge) {
  Banks banks(ddr4());
  EXPECT_EQ(banks.open_row(5), Banks::closed);
  banks.issue(Command::activate, 5, 77, 100);
  EXPECT_EQ(banks.open_row(5), 77);
  EXPECT_EQ(banks.open_row(4), Banks::closed);
  banks.issue(Command::precharge, 5, 0, 152);
  EXPECT_EQ(banks.open_row(5), Banks::closed);
  banks.issue(Command::activate, 5, 78, 174);
  banks.issue(Command::read_precharge, 5, 78, 196);
  EXPECT_EQ(banks.open_row(5), Banks::closed);
}

TEST(Banks, ColumnsInOneGoLeaveTheStateOfColumnsOneByOne) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Banks one(ddr4()), all(ddr4());
    const std::array<std::uint8_t, 4> ways{3, 17, 9, 0};
    const int count = 1 + static_cast<int>(random() % 4),
              first = static_cast<int>(random() % static_cast<unsigned>(count));
    const std::uint32_t n = 1 + random() % 20;
    const Cycle at = 1000 + random() % 100, period = 4 + random() % 5;
    const Command command = random() % 2 ? Command::read : Command::write;
    for (Banks* banks : {&one, &all}) {
      for (const int bank : ways) banks->issue(Command::activate, bank, 1, 500);
    }
    for (std::uint32_t i = 0; i < n; ++i) {
      one.issue(command, ways[(static_cast<unsigned>(first) + i) % static_cast<unsigned>(count)], 1, at + i * period);
    }
    all.issue_columns(command, ways.data(), count, first, n, at, period);
    for (int bank = 0; bank < 32; ++bank) {
      for (int c = 0; c <= static_cast<int>(Command::refresh_bank); ++c) {
        EXPECT_EQ(one.earliest(Command(c), bank), all.earliest(Command(c), bank)) << to_string(Command(c));
      }
      EXPECT_EQ(one.open_row(bank), all.open_row(bank));
    }
  }
}

}  // namespace
}  // namespace triad::memory::dram
