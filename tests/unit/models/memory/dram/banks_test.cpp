#include "models/memory/dram/banks.hpp"

#include <gtest/gtest.h>

#include <random>

#include "standards.hpp"

namespace triad::memory::dram {
namespace {

using enum Command;

TEST(Banks, ARowIsOpenFromItsActivateToItsPrecharge) {
  Banks banks(ddr4());
  EXPECT_EQ(banks.open_row(5), Banks::closed);
  banks.issue(activate, 5, 77, 100);
  EXPECT_EQ(banks.open_row(5), 77);
  EXPECT_EQ(banks.open_row(4), Banks::closed);
  banks.issue(precharge, 5, 0, 152);
  EXPECT_EQ(banks.open_row(5), Banks::closed);
  banks.issue(activate, 5, 78, 176);
  banks.issue(read_precharge, 5, 78, 198);
  EXPECT_EQ(banks.open_row(5), Banks::closed);
  banks.issue(activate, 5, 79, 300);
  banks.issue(activate, 21, 80, 301);  // of the other rank
  banks.issue(precharge_all, 0, 0, 400);
  EXPECT_EQ(banks.open_row(5), Banks::closed);
  EXPECT_EQ(banks.open_row(21), 80);
}

/// The commands that the bank's state allows, the more useful ones more often.
std::vector<Command> possible(const Banks& banks, const Organization& o, int bank) {
  using Commands = std::vector<Command>;
  Commands commands =
      banks.open_row(bank) == Banks::closed
          ? Commands{precharge_all, activate, activate, activate, activate, refresh_bank}
          : Commands{precharge_all, precharge, read, read, read, read_precharge, write, write, write, write_precharge};
  const int first = bank / o.banks_per_rank() * o.banks_per_rank();
  bool idle = true;
  for (int b = first; b < first + o.banks_per_rank(); ++b) idle = idle && banks.open_row(b) == Banks::closed;
  if (idle) commands.push_back(refresh_all);
  return commands;
}

/// Random commands, each a cycle before the earliest (which the checker refuses), then then or a little later (which it
/// accepts).
void expect_agreement(const Parameters& p, int commands) {
  std::mt19937 random(11);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const Organization& o = p.organization;
  WatchedChannel channel(p);
  Cycle now = 0;
  int refused = 0;
  for (int i = 0; i < commands; ++i) {
    int bank = below(o.all_banks());
    const auto choice = possible(channel.banks, o, bank);
    const Command command = choice[static_cast<std::size_t>(below(static_cast<int>(choice.size())))];
    if (command == precharge_all || command == refresh_all) bank -= bank % o.banks_per_rank();
    const Cycle earliest = channel.banks.earliest(command, bank);
    if (earliest > now + 1) {  // later than the command bus alone would have it
      EXPECT_NE(channel.objection(command, bank, earliest - 1), "")
          << to_string(command) << " bank " << bank << " in cycle " << earliest - 1;
      ++refused;
    }
    now = std::max(earliest, now + 1) + static_cast<Cycle>(below(4) == 0 ? below(30) : 0);
    EXPECT_EQ(channel.objection(command, bank, now), "");
    channel.banks.issue(command, bank, 1, now);
    ASSERT_FALSE(testing::Test::HasFailure()) << "after " << i << " commands";
  }
  EXPECT_GT(refused, commands / 2);
}

TEST(Banks, AgreeWithTheCheckerOnTheEarliestCycleOfRandomCommands) {
  for (const Parameters& p : {ddr4(), hbm2(), lpddr4(), gddr6()}) expect_agreement(p, 20000);
}

TEST(Banks, AgreeWithTheCheckerForEveryPreset) {
  int presets = 0;
  for (const std::string& name : config::preset_names("memory")) {
    const config::Node node = config::load(config::resolve(name, "."));
    if (!node.find("organization")) continue;  // ideal channels
    SCOPED_TRACE(name);
    Parameters p = Parameters::read(node);
    p.scheduler.refresh = RefreshPolicy::none;  // when they fall due is the controller's affair
    expect_agreement(p, 2000);
    ++presets;
  }
  EXPECT_GE(presets, 8);
}

TEST(Banks, ColumnsInOneGoLeaveTheStateOfColumnsOneByOne) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Banks one(ddr4()), all(ddr4());
    const std::array<std::uint8_t, 4> ways{3, 17, 9, 0};
    const unsigned count = 1 + random() % 4, first = random() % count;
    const std::uint32_t n = 1 + random() % 20;
    const Cycle at = 1000 + random() % 100, period = 4 + random() % 5;
    const Command command = random() % 2 ? read : write;
    for (Banks* banks : {&one, &all}) {
      for (const int bank : ways) banks->issue(activate, bank, 1, 500);
    }
    for (std::uint32_t i = 0; i < n; ++i) one.issue(command, ways[(first + i) % count], 1, at + i * period);
    all.issue_columns(command, ways.data(), static_cast<int>(count), static_cast<int>(first), n, at, period);
    for (int bank = 0; bank < 32; ++bank) {
      for (int c = 0; c <= static_cast<int>(refresh_bank); ++c) {
        EXPECT_EQ(one.earliest(Command(c), bank), all.earliest(Command(c), bank)) << to_string(Command(c));
      }
      EXPECT_EQ(one.open_row(bank), all.open_row(bank));
    }
  }
}

}  // namespace
}  // namespace triad::memory::dram
