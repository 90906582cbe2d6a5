#pragma once
#include <gtest/gtest.h>

#include "models/memory/dram/banks.hpp"
#include "models/memory/dram/checker.hpp"
#include "sim/device/device.hpp"

/// Parameters like those of four standards, and a channel that is watched, for the tests of timing.
namespace triad::memory::dram {

inline Parameters standard(int ranks, int bank_groups, int banks, const Timing& timing) {
  Parameters p;
  p.organization = {.ranks = ranks, .bank_groups = bank_groups, .banks = banks, .rows = 1024, .columns = 32};
  p.timing = timing;
  p.scheduler.refresh = RefreshPolicy::none;  // no refresh falls due in these tests
  return p;
}

/// DDR4-3200AA (JESD79-4), 0.625 ns; with tRC a little longer than tRAS + tRP, so that it can be told from their sum.
inline Parameters ddr4() {
  return standard(2, 4, 4,
                  {.tBURST = 4,
                   .tCL = 22,
                   .tCWL = 16,
                   .tRCDRD = 22,
                   .tRCDWR = 22,
                   .tRP = 22,
                   .tRAS = 52,
                   .tRC = 76,
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
                   .tRFC = 576,
                   .tRFCpb = 300,
                   .tRREFD = 10});
}
/// HBM2 at 2 Gbit/s a pin (JESD235), one pseudo channel, 1 ns; a rank is a stack ID.
inline Parameters hbm2() {
  return standard(2, 4, 4,
                  {.tBURST = 2,
                   .tCL = 14,
                   .tCWL = 4,
                   .tRCDRD = 14,
                   .tRCDWR = 12,
                   .tRP = 14,
                   .tRAS = 34,
                   .tRC = 48,
                   .tCCD_S = 2,
                   .tCCD_L = 4,
                   .tRRD_S = 4,
                   .tRRD_L = 6,
                   .tFAW = 30,
                   .tRTP = 5,
                   .tWR = 16,
                   .tWTR_S = 6,
                   .tWTR_L = 8,
                   .tRTW = 13,
                   .tRTRS = 1,
                   .tREFI = 3900,
                   .tRFC = 260,
                   .tRFCpb = 160,
                   .tRREFD = 8});
}
/// LPDDR4-3200 (JESD209-4), 0.625 ns: no bank groups, bursts of 16.
inline Parameters lpddr4() {
  return standard(2, 1, 8,
                  {.tBURST = 8,
                   .tCL = 28,
                   .tCWL = 14,
                   .tRCDRD = 29,
                   .tRCDWR = 29,
                   .tRP = 29,
                   .tRAS = 68,
                   .tRC = 97,
                   .tCCD_S = 8,
                   .tCCD_L = 8,
                   .tRRD_S = 12,
                   .tRRD_L = 12,
                   .tFAW = 64,
                   .tRTP = 12,
                   .tWR = 29,
                   .tWTR_S = 16,
                   .tWTR_L = 16,
                   .tRTW = 24,
                   .tRTRS = 2,
                   .tREFI = 6240,
                   .tRFC = 448,
                   .tRFCpb = 224,
                   .tRREFD = 18});
}
/// GDDR6 at 14 Gbit/s a pin (JESD250), 0.571 ns: one rank, reads far slower than writes.
inline Parameters gddr6() {
  return standard(1, 4, 4,
                  {.tBURST = 2,
                   .tCL = 24,
                   .tCWL = 7,
                   .tRCDRD = 26,
                   .tRCDWR = 18,
                   .tRP = 26,
                   .tRAS = 56,
                   .tRC = 83,
                   .tCCD_S = 2,
                   .tCCD_L = 3,
                   .tRRD_S = 9,
                   .tRRD_L = 10,
                   .tFAW = 42,
                   .tRTP = 4,
                   .tWR = 26,
                   .tWTR_S = 9,
                   .tWTR_L = 11,
                   .tRTW = 21,
                   .tRTRS = 0,
                   .tREFI = 3325,
                   .tRFC = 210,
                   .tRFCpb = 105,
                   .tRREFD = 18});
}

/// Both bookkeepers of one channel.
struct WatchedChannel {
  explicit WatchedChannel(const Parameters& p) : banks(p), checker(p, "channel") {}
  Banks banks;
  Checker checker;
  /// The checker's objection, or "".
  std::string objection(Command command, int bank, Cycle at) {
    const bool column = command >= Command::read && command <= Command::write_precharge;
    try {
      checker.command({at, command, bank, column ? banks.open_row(bank) : 1, 0});
    } catch (const device::Fault& fault) {
      return fault.what();
    }
    return "";
  }
  void issue(Command command, int bank, Cycle at) {
    EXPECT_LE(banks.earliest(command, bank), at) << to_string(command) << " " << bank;
    EXPECT_EQ(objection(command, bank, at), "");
    banks.issue(command, bank, 1, at);
  }
};

}  // namespace triad::memory::dram
