#include "models/memory/dram/parameters.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

namespace triad::memory::dram {
namespace {

using Overrides = std::vector<std::string>;

/// HBM2 at 2 Gbit/s a pin: 8 channels of 2 pseudo channels of 64 bits.
const char* const hbm2 = R"(clock: 1 GHz
channels: 8
organization: {pseudo_channels: 2, ranks: 2, bank_groups: 4, banks: 4, rows: 16384, row: 1 KiB, bus: 64, burst: 4,
               beats_per_clock: 2}
timing: {tCL: 14, tCWL: 4 ns, tRCDRD: 14 ns, tRCDWR: 12 ns, tRP: 14 ns, tRAS: 33.5 ns, tRC: 47.5 ns, tCCD_S: 2,
         tCCD_L: 4, tRRD: 4 ns, tFAW: 16 ns, tRTP: 5 ns, tWR: 16 ns, tWTR_S: 6 ns, tWTR_L: 8 ns, tRTW: 13, tRTRS: 1,
         tREFI: 3.9 us, tRFC: 260 ns, tRFCpb: 160 ns, tRREFD: 8 ns}
scheduler: {read_queue: 64, write_queue: 48, page: closed, refresh: per-bank, starvation: 1000, dual_command: true,
            burst: false}
mapping: {interleave: 64 B, hash_channels: true, order: [row, column, rank, bank, bank_group, column:2], xor: column}
energy: {activate: 1.2 nJ, read: 900 pJ, write: 800 pJ, refresh: 30 nJ, background: 50 mW}
)";

Parameters read(const Overrides& overrides = {}, const std::string& text = hbm2) {
  const config::Node node = config::parse(text, "memory.yaml", overrides);
  const Parameters p = Parameters::read(node);
  node.reject_unread();
  return p;
}
std::string without(const std::string& part) {
  std::string text = hbm2;
  const std::size_t at = text.find(part);
  EXPECT_NE(at, std::string::npos) << part;
  return text.erase(at, part.size());
}
std::string error(const Overrides& overrides, const std::string& text = hbm2) {
  try {
    read(overrides, text);
  } catch (const config::Error& e) {
    return e.what();
  }
  return "no error";
}

/// The error begins with its place and says so.
void expect_error(const std::string& error, const std::string& place, const std::string& message) {
  EXPECT_EQ(error.substr(0, place.size()), place) << error;
  EXPECT_NE(error.find(message), std::string::npos) << error << "\nexpected: " << message;
}

TEST(Parameters, ReadsEveryKey) {
  const Parameters p = read();
  EXPECT_EQ(p.clock_hz, 1'000'000'000u);
  EXPECT_EQ(p.organization.controllers(), 16);
  EXPECT_EQ(p.organization.access_bytes(), 32u);  // 64 bits x 4
  EXPECT_EQ(p.organization.columns, 32);          // 1 KiB / 32 B
  EXPECT_EQ(p.organization.all_banks(), 32);
  EXPECT_EQ(p.organization.capacity(), 16ull * 32 * 16384 * 1024);  // 8 GiB
  EXPECT_EQ(p.timing.tBURST, 2);                                    // 4 beats, 2 a cycle
  EXPECT_EQ(p.timing.tCL, 14);
  EXPECT_EQ(p.timing.tCWL, 4);
  EXPECT_EQ(p.timing.tRCDRD, 14);
  EXPECT_EQ(p.timing.tRCDWR, 12);
  EXPECT_EQ(p.timing.tRP, 14);
  EXPECT_EQ(p.timing.tRAS, 34);  // 33.5 up
  EXPECT_EQ(p.timing.tRC, 48);
  EXPECT_EQ(p.timing.tCCD_S, 2);
  EXPECT_EQ(p.timing.tCCD_L, 4);
  EXPECT_EQ(p.timing.tRRD_S, 4);
  EXPECT_EQ(p.timing.tRRD_L, 4);
  EXPECT_EQ(p.timing.tFAW, 16);
  EXPECT_EQ(p.timing.tRTP, 5);
  EXPECT_EQ(p.timing.tWR, 16);
  EXPECT_EQ(p.timing.tWTR_S, 6);
  EXPECT_EQ(p.timing.tWTR_L, 8);
  EXPECT_EQ(p.timing.tRTW, 13);
  EXPECT_EQ(p.timing.tRTRS, 1);
  EXPECT_EQ(p.timing.tREFI, 3900);
  EXPECT_EQ(p.timing.tRFC, 260);
  EXPECT_EQ(p.timing.tRFCpb, 160);
  EXPECT_EQ(p.timing.tRREFD, 8);
  EXPECT_EQ(p.scheduler.read_queue, 64);
  EXPECT_EQ(p.scheduler.write_queue, 48);
  EXPECT_EQ(p.scheduler.write_high, 39);  // 0.8 x 48 = 38.4
  EXPECT_EQ(p.scheduler.write_low, 9);    // 0.2 x 48 = 9.6
  EXPECT_EQ(p.scheduler.page, PagePolicy::closed);
  EXPECT_EQ(p.scheduler.refresh, RefreshPolicy::per_bank);
  EXPECT_EQ(p.scheduler.starvation, 1000u);
  EXPECT_TRUE(p.scheduler.dual_command);
  EXPECT_FALSE(p.scheduler.burst);
  EXPECT_EQ(p.mapping.interleave, 64u);
  EXPECT_TRUE(p.mapping.hash_channels);
  EXPECT_FALSE(p.mapping.xor_banks);
  EXPECT_TRUE(p.mapping.xor_column);
  using Kind = Field::Kind;
  const std::vector<std::pair<Kind, int>> order{{Kind::row, -1},  {Kind::column, -1},     {Kind::rank, -1},
                                                {Kind::bank, -1}, {Kind::bank_group, -1}, {Kind::column, 2}};
  ASSERT_EQ(p.mapping.order.size(), order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(p.mapping.order[i].kind, order[i].first) << i;
    EXPECT_EQ(p.mapping.order[i].bits, order[i].second) << i;
  }
  EXPECT_DOUBLE_EQ(p.energy.activate, 1200);
  EXPECT_DOUBLE_EQ(p.energy.read, 900);
  EXPECT_DOUBLE_EQ(p.energy.write, 800);
  EXPECT_DOUBLE_EQ(p.energy.refresh, 30000);
  EXPECT_DOUBLE_EQ(p.energy.background_watts, 0.05);
  EXPECT_DOUBLE_EQ(p.peak_bandwidth(), 256e9);  // 16 x 8 B x 2 GT/s
}

TEST(Parameters, TheSchedulerHasDefaults) {
  const std::string text = hbm2;
  const std::size_t from = text.find("scheduler:"), to = text.find("mapping:");
  const Parameters p = read({}, text.substr(0, from) + text.substr(to));
  EXPECT_EQ(p.scheduler.read_queue, 32);
  EXPECT_EQ(p.scheduler.write_high, 26);  // 0.8 x 32 = 25.6
  EXPECT_EQ(p.scheduler.write_low, 6);    // 0.2 x 32 = 6.4
  EXPECT_EQ(p.scheduler.refresh, RefreshPolicy::all_bank);
  EXPECT_EQ(p.scheduler.page, PagePolicy::open);
}

TEST(Parameters, TimesBecomeCyclesUpToAFortiethOfACycle) {
  // DDR4-3200: 13.75 ns x 1.6 GHz = 22 exactly, though not in binary.
  EXPECT_EQ(read({"clock=1600 MHz", "timing.tRP=13.75 ns", "timing.tRC=47.5 ns"}).timing.tRP, 22);
  // DDR3-2133, tCK = 0.9375 ns: 13.09 ns are 13.963 cycles; 13.13 ns are 14.005, which rounding in the table made.
  EXPECT_EQ(read({"clock=1066666667 Hz", "timing.tRP=13.09 ns"}).timing.tRP, 14);
  EXPECT_EQ(read({"clock=1066666667 Hz", "timing.tRP=13.13 ns"}).timing.tRP, 14);
  EXPECT_EQ(read({"clock=1066666667 Hz", "timing.tRP=13.16 ns"}).timing.tRP, 15);  // 14.037
  EXPECT_EQ(read({"timing.tREFI=3900.9 ns"}).timing.tREFI, 3900);                  // at least so often
}

TEST(Parameters, RowsAreWhateverIsLeft) {
  EXPECT_EQ(read({"organization.rows=12288"}).organization.capacity(), 16ull * 32 * 12288 * 1024);  // 6 GiB
}

TEST(Parameters, DescribesItselfWithUnits) {
  std::map<std::string, std::string> rows;
  for (const auto& [label, value] : read().describe()) rows[label] = value;
  EXPECT_EQ(rows["DRAM channels"], "8 x 2 pseudo channels");
  EXPECT_EQ(rows["DRAM data bus"], "64 bit x 2 GT/s = 16 GB/s a channel, bursts of 32 B");
  EXPECT_EQ(rows["DRAM banks"], "2 ranks x 4 groups x 4, 16384 rows of 1 KiB");
  EXPECT_EQ(rows["DRAM command clock"], "1000 MHz, a row and a column command a cycle");
  EXPECT_EQ(rows["DRAM refresh"], "each bank every 3.9 us for 160 ns (4.1 % of the time)");
  EXPECT_EQ(rows["DRAM energy"], "1.2 nJ an activate, 900 pJ a read, 800 pJ a write, 30 nJ a refresh; 50 mW a channel");
  EXPECT_EQ(rows["DRAM address"],
            "row column rank bank bank_group column:2, banks XOR upper column, 64 B a channel's turn (hashed)");
  EXPECT_EQ(rows["DRAM column timing (cycles)"], "tCL 14 (14 ns), tCWL 4, tCCD_S 2, _L 4, tWTR_S 6, _L 8, tRTW 13");
}

struct Bad {
  Overrides overrides;
  const char* message;  ///< what the error says
};

/// Each is one clear error at its place.
void expect_errors(const std::vector<Bad>& all) {
  for (const Bad& bad : all) expect_error(error(bad.overrides), "--set device." + bad.overrides.back(), bad.message);
}

TEST(Parameters, RejectsAnOrganizationThatCannotBe) {
  expect_errors({{{"channels=0"}, "from 1 to 4096"},
                 {{"organization.banks=3"}, "must be a power of two, found 3"},
                 {{"organization.ranks=3"}, "must be a power of two, found 3"},
                 {{"organization.bank_groups=6"}, "must be a power of two, found 6"},
                 {{"organization.ranks=16", "organization.banks=8"}, "these are 16 ranks x 4 groups x 8 banks = 512"},
                 {{"organization.rows=0"}, "from 1 to"},
                 {{"organization.bus=4"}, "at least 8 bits"},
                 {{"organization.row=1000 B"}, "must be a power of two times a burst (32 B = 64 bits x 4 beats)"},
                 {{"organization.row=16 B"}, "must be a power of two times a burst"},
                 {{"organization.row=1024"}, "a size"},
                 {{"organization.burst=1"}, "a burst of 1 beats is shorter than a cycle (2 beats)"},
                 {{"organization.colums=4"}, "unknown key"}});
}

TEST(Parameters, RejectsTimesThatContradictOneAnother) {
  expect_errors({{{"timing.tRC=47 ns"}, "is 47 cycles, shorter than tRAS + tRP = 33.5 + 14 cycles"},
                 {{"timing.tCL=14 MHz"}, "a time"},
                 {{"timing.tCL=-3"}, "expected a time (13.75 ns) or a whole number of cycles, found -3"},
                 {{"timing.tCL=0"}, "at least 1 cycle"},
                 {{"timing.tRFC=3 s"}, "more than 1000000 cycles"},
                 {{"timing.tRCD=14 ns"}, "stands for tRCDRD and tRCDWR, but tRCDRD is given too"},
                 {{"timing.tCCD_L=1"}, "is 1 cycles in a bank group, shorter than the 2 between groups"},
                 {{"timing.tWTR_L=5"}, "is 5 cycles in a bank group, shorter than the 6 between groups"},
                 {{"timing.tCCD_S=1"}, "is 1 cycles, shorter than a burst on the data bus (2)"},
                 {{"timing.tFAW=3"}, "four activates in 3 cycles, but tRRD_S lets one follow another after 4"},
                 {{"timing.tRTW=11"}, "at least tCL + burst - tCWL = 14 + 2 - 4 = 12"},
                 {{"timing.tRFCpb=300 ns"}, "longer than that of all banks (tRFC: 260)"},
                 {{"timing.tREFI=120 ns"}, "no longer than the refreshes of 16 banks (tRFCpb: 160, tRREFD: 8)"},
                 {{"scheduler.refresh=all-bank", "timing.tREFI=250 ns"}, "no longer than a refresh (tRFC: 260)"},
                 {{"timing.tFoo=3"}, "unknown key"}});
}

TEST(Parameters, RejectsAQueueThatNeverDrains) {
  expect_errors({{{"scheduler.write_high=49"}, "begin at 49 columns, but the write queue holds 48"},
                 {{"scheduler.write_low=39"}, "end at 39 columns, but begin at 39"},
                 {{"scheduler.write_high=9"}, "end at 9 columns, but begin at 9"},
                 {{"scheduler.page=opne"}, "did you mean open?"},
                 {{"scheduler.refresh=all"}, "none of none, all-bank, per-bank"},
                 {{"scheduler.read_queue=0"}, "from 1 to 4096"},
                 {{"scheduler.starvation=0"}, "from 1 to"}});
}

TEST(Parameters, RejectsAnOrderThatIsNoBijection) {
  expect_errors(
      {{{"mapping.interleave=16 B"}, "smaller than an access (32 B)"},
       {{"mapping.interleave=96 B"}, "must be a power of two, found 96 B"},
       {{"organization.rows=3", "mapping.interleave=1 MiB"}, "does not divide a channel of 98304 B"},
       {{"mapping.order=[row, rank, bank, column]"}, "bank_group is missing: 0 of its 2 bits are named"},
       {{"mapping.order=[row, rank, bank, bank_group:1, column]"}, "bank_group is missing: 1 of its 2 bits are named"},
       {{"mapping.order=[rank, row, bank, bank_group, column]"}, "row, whole, is the first field"},
       {{"mapping.order=[row:3, rank, bank, bank_group, column]"}, "the row cannot be cut"},
       {{"mapping.order=[row, rank, bank, bank_group, column, row]"}, "row, whole, is the first field"},
       {{"mapping.order=[]"}, "row is missing"},
       {{"mapping.order=[row, rank, bank, bank_group, colum]"}, "colum is no field of an address: row, rank"},
       {{"mapping.order=[row, rank, bank, bank_group, column, column]"}, "named twice without a number of bits"},
       {{"mapping.order=[row, rank, bank, bank_group, column, column:6]"}, "column has 5 bits, these are 6"},
       {{"mapping.order=[row, rank, bank, bank_group, column, 'column:']"}, "a number of bits after the colon"},
       {{"mapping.order=[row, rank, bank, bank_group, column, column:0]"}, "a number of bits after the colon"},
       {{"mapping.xor=rows"}, "did you mean row?"}});
}

TEST(Parameters, RejectsEnergyWithoutAUnit) {
  expect_errors({{{"energy.read=0.9"}, "an energy"}, {{"energy.background=1 pJ"}, "a power"}});
}

TEST(Parameters, XorWithAColumnNeedsAColumnThatIsCut) {
  for (const char* order : {"column", "column, column:2"}) {
    expect_error(error({fmt::format("mapping.order=[row, rank, bank, bank_group, {}]", order)}),
                 "memory.yaml:10:111: mapping.xor: ", "column that is cut in two");
  }
}

TEST(Parameters, WhatIsMissingIsNamed) {
  const auto expect = [](const std::string& part, const char* message, const Overrides& overrides = {}) {
    expect_error(error(overrides, without(part)), "memory.yaml:5:9: timing: ", message);
  };
  expect("tRC: 47.5 ns, ", "missing key tRC");
  expect("tRCDRD: 14 ns, tRCDWR: 12 ns, ", "tRCD is missing (or tRCDRD and tRCDWR)");
  expect("tRCDWR: 12 ns, ", "missing key tRCDWR");
  expect(", tRTRS: 1", "tRTRS is missing: several ranks share the data bus");
  expect("tRFCpb: 160 ns, ", "tRFCpb is missing: refresh is per-bank");
  expect(", tRREFD: 8 ns", "tRREFD is missing: refresh is per-bank");
  expect("tRFC: 260 ns, ", "tRFC is missing: refresh is all-bank", {"scheduler.refresh=all-bank"});
  expect("tREFI: 3.9 us, ", "tREFI is missing: refresh is on");
  EXPECT_EQ(error({"scheduler.refresh=none"}, without("tREFI: 3.9 us, ")), "no error");
}

TEST(Parameters, APairGivenAsOneIsFoundWhereItIsGiven) {
  expect_error(error({"timing.tCCD=1"}, without("tCCD_S: 2,\n         tCCD_L: 4, ")),
               "--set device.timing.tCCD=1: timing.tCCD: ", "is 1 cycles, shorter than a burst on the data bus (2)");
}

}  // namespace
}  // namespace triad::memory::dram
