#include "models/memory/dram/checker.hpp"

#include <gtest/gtest.h>

#include <set>

#include "sim/device/device.hpp"

namespace triad::memory::dram {
namespace {

using enum Command;

/// Two ranks of two groups of three banks: rank 0 has the groups {0, 1, 2} and {3, 4, 5}, rank 1 begins at bank 6. No
/// two parameters are equal, so that every rule can be told from the others.
Parameters parameters() {
  Parameters p;
  p.organization.ranks = 2;
  p.organization.bank_groups = 2;
  p.organization.banks = 3;
  p.organization.rows = 64;
  p.organization.columns = 32;
  Timing& t = p.timing;
  t.tBURST = 4, t.tCL = 11, t.tCWL = 9, t.tRCDRD = 12, t.tRCDWR = 10;
  t.tRP = 13, t.tRAS = 28, t.tRC = 45, t.tCCD_S = 4, t.tCCD_L = 6;
  t.tRRD_S = 5, t.tRRD_L = 7, t.tFAW = 30, t.tRTP = 8, t.tWR = 15;
  t.tWTR_S = 3, t.tWTR_L = 8, t.tRTW = 10, t.tRTRS = 2;
  t.tREFI = 1000, t.tRFC = 100, t.tRFCpb = 60, t.tRREFD = 9;
  p.scheduler.refresh = RefreshPolicy::none;
  return p;
}

struct Step {
  Command command;
  int bank;
  Cycle at;
};

void give(Checker& checker, const Step& step) {
  checker.command({step.at, step.command, step.bank, 0, 0});
}
std::string refusal(Checker& checker, const Issued& issued) {
  try {
    checker.command(issued);
  } catch (const device::Fault& fault) {
    return fault.what();
  }
  return "accepted";
}
std::string refusal(Checker& checker, const Step& step) {
  return refusal(checker, Issued{step.at, step.command, step.bank, 0, 0});
}

struct Case {
  std::string parameter;
  std::vector<Step> before;
  Step next;  ///< at the first legal cycle
};

/// All but what differs between a command and its twin.
std::vector<Case> cases() {
  std::vector<Case> all{
      {"tRC", {{activate, 0, 0}, {precharge, 0, 28}}, {activate, 0, 45}},  // precharge: 28 + 13 = 41
      {"tRRD_L", {{activate, 0, 0}}, {activate, 1, 7}},
      {"tRRD_S", {{activate, 0, 0}}, {activate, 3, 5}},
      {"tRP", {{activate, 0, 0}, {precharge, 0, 40}}, {activate, 0, 53}},
      {"tRP", {{activate, 0, 0}, {precharge_all, 0, 40}}, {activate, 4, 53}},
      {"tRTP + tRP", {{activate, 0, 0}, {read_precharge, 0, 30}}, {activate, 0, 51}},  // 30 + 8 + 13
      {"tCWL + tBURST + tWR + tRP",
       {{activate, 0, 0}, {write_precharge, 0, 10}},
       {activate, 0, 51}},  // 10 + 9 + 4 + 15 + 13
      {"tRFC", {{refresh_all, 0, 0}}, {activate, 5, 100}},
      {"tRFCpb", {{refresh_bank, 0, 0}}, {activate, 0, 60}},
      {"tRREFD", {{refresh_bank, 0, 0}}, {activate, 3, 9}},
      // The fifth in a window of 30; a refresh of one bank counts.
      {"tFAW", {{activate, 0, 0}, {activate, 3, 5}, {activate, 1, 10}, {activate, 4, 15}}, {activate, 2, 30}},
      {"tFAW", {{activate, 0, 0}, {activate, 3, 5}, {activate, 1, 10}, {activate, 4, 15}}, {refresh_bank, 2, 30}},
      {"tFAW", {{refresh_bank, 0, 0}, {activate, 3, 9}, {activate, 1, 14}, {activate, 4, 19}}, {activate, 2, 30}},
  };
  for (const Command next : {precharge, precharge_all}) {
    all.push_back({"tRAS", {{activate, 0, 0}}, {next, 0, 28}});
    all.push_back({"tRTP", {{activate, 0, 0}, {read, 0, 25}}, {next, 0, 33}});
    all.push_back({"tRTP", {{activate, 0, 0}, {read_precharge, 0, 25}}, {next, 0, 33}});
    all.push_back({"tCWL + tBURST + tWR", {{activate, 0, 0}, {write, 0, 10}}, {next, 0, 38}});
    all.push_back({"tRFC", {{refresh_all, 0, 0}}, {next, 0, 100}});
    all.push_back({"tRFCpb", {{refresh_bank, 0, 0}}, {next, 0, 60}});
  }
  // Of any bank of the rank.
  all.push_back({"tRAS", {{activate, 4, 0}}, {precharge_all, 0, 28}});
  all.push_back({"tRTP", {{activate, 4, 0}, {read, 4, 25}}, {precharge_all, 0, 33}});
  // Banks 0, 1, 3 and, of the other rank, 6 are open.
  const std::vector<Step> open{{activate, 0, 0}, {activate, 6, 1}, {activate, 3, 5}, {activate, 1, 10}};
  const auto after = [&](const Step& step) {
    std::vector<Step> steps = open;
    steps.push_back(step);
    return steps;
  };
  for (const Command next : {read, read_precharge}) {
    all.push_back({"tRCDRD", {{activate, 0, 0}}, {next, 0, 12}});
    for (const Command previous : {read, read_precharge}) {
      all.push_back({"tCCD_L", after({previous, 0, 30}), {next, 1, 36}});
      all.push_back({"tCCD_S", after({previous, 0, 30}), {next, 3, 34}});
      all.push_back({"tBURST + tRTRS", after({previous, 0, 30}), {next, 6, 36}});
    }
    for (const Command previous : {write, write_precharge}) {
      all.push_back({"tCWL + tBURST + tWTR_L", after({previous, 0, 30}), {next, 1, 51}});       // 30 + 9 + 4 + 8
      all.push_back({"tCWL + tBURST + tWTR_S", after({previous, 0, 30}), {next, 3, 46}});       // 30 + 9 + 4 + 3
      all.push_back({"tCWL + tBURST + tRTRS - tCL", after({previous, 0, 30}), {next, 6, 34}});  // 30 + 9 + 4 + 2 - 11
    }
  }
  for (const Command next : {write, write_precharge}) {
    all.push_back({"tRCDWR", {{activate, 0, 0}}, {next, 0, 10}});
    for (const Command previous : {write, write_precharge}) {
      all.push_back({"tCCD_L", after({previous, 0, 30}), {next, 1, 36}});
      all.push_back({"tCCD_S", after({previous, 0, 30}), {next, 3, 34}});
      all.push_back({"tBURST + tRTRS", after({previous, 0, 30}), {next, 6, 36}});
    }
    for (const Command previous : {read, read_precharge}) {
      all.push_back({"tRTW", after({previous, 0, 30}), {next, 1, 40}});
      all.push_back({"tRTW", after({previous, 0, 30}), {next, 3, 40}});
      all.push_back({"tCL + tBURST + tRTRS - tCWL", after({previous, 0, 30}), {next, 6, 38}});  // 30 + 11 + 4 + 2 - 9
    }
  }
  for (const Command next : {refresh_all, refresh_bank}) {
    all.push_back({"tRC", {{activate, 0, 0}, {read_precharge, 0, 12}}, {next, 0, 45}});
    all.push_back({"tRP", {{activate, 0, 0}, {precharge, 0, 40}}, {next, 0, 53}});
    all.push_back({"tRP", {{activate, 0, 0}, {precharge_all, 0, 40}}, {next, 0, 53}});
    all.push_back({"tRTP + tRP", {{activate, 0, 0}, {read_precharge, 0, 30}}, {next, 0, 51}});
    all.push_back({"tCWL + tBURST + tWR + tRP", {{activate, 0, 0}, {write_precharge, 0, 10}}, {next, 0, 51}});
    all.push_back({"tRFC", {{refresh_all, 0, 0}}, {next, 0, 100}});
    all.push_back({"tRFCpb", {{refresh_bank, 0, 0}}, {next, 0, 60}});
  }
  all.push_back({"tRP", {{activate, 4, 0}, {precharge, 4, 40}}, {refresh_all, 0, 53}});
  all.push_back({"tRFCpb", {{refresh_bank, 4, 0}}, {refresh_all, 0, 60}});
  all.push_back({"tRRD_L", {{activate, 0, 0}}, {refresh_bank, 1, 7}});
  all.push_back({"tRRD_S", {{activate, 0, 0}}, {refresh_bank, 3, 5}});
  all.push_back({"tRREFD", {{refresh_bank, 0, 0}}, {refresh_bank, 3, 9}});
  return all;
}

TEST(Checker, RefusesACycleEarlierAndAcceptsAtTheLimit) {
  for (const Case& c : cases()) {
    const std::string what = c.parameter + " before " + to_string(c.next.command);
    Checker checker(parameters(), "channel");
    for (const Step& step : c.before) ASSERT_NO_THROW(give(checker, step)) << what;
    Step early = c.next;
    --early.at;
    const std::string message = refusal(checker, early);
    EXPECT_NE(message.find(": " + c.parameter + ": not before cycle " + std::to_string(c.next.at)), std::string::npos)
        << what << ": " << message;
    EXPECT_EQ(refusal(checker, c.next), "accepted") << what;
  }
}

/// No rule without a case of its own above.
TEST(Checker, EveryRuleHasACase) {
  std::set<std::pair<std::string, Command>> shown;
  for (const Case& c : cases()) shown.insert({c.parameter, c.next.command});
  for (const Checker::Rule& rule : Checker::rules(parameters())) {
    EXPECT_TRUE(shown.contains({rule.parameter, rule.next})) << rule.parameter << " before " << to_string(rule.next);
  }
}

/// What lies in another rank, or in another bank where the rule is of one bank, does not count.
TEST(Checker, RulesEndAtTheirScope) {
  Checker checker(parameters(), "channel");
  give(checker, {activate, 0, 0});
  give(checker, {activate, 6, 1});   // no tRRD between ranks
  give(checker, {activate, 3, 5});   // tRRD_S
  give(checker, {activate, 9, 6});   // tRRD_S of rank 1
  give(checker, {activate, 1, 10});  // tRRD_S again; tRRD_L from bank 0
  give(checker, {activate, 4, 15});
  give(checker, {activate, 7, 16});  // the fourth of rank 0 is not the fourth of rank 1
  give(checker, {read, 0, 17});
  give(checker, {precharge, 0, 28});  // tRTP would be 25
  give(checker, {precharge, 6, 29});
  give(checker, {write, 3, 30});
  give(checker, {precharge, 1, 38});     // write recovery is bank 3's
  give(checker, {refresh_bank, 0, 45});  // tRC; ACT bank 4 in 15
  give(checker, {activate, 10, 46});     // rank 1 is not refreshed
}

TEST(Checker, NamesBothCommands) {
  Checker checker(parameters(), "memory.channel3");
  checker.command({100, activate, 5, 12, 0});
  EXPECT_EQ(
      refusal(checker, Issued{111, read, 5, 12, 3}),
      "memory.channel3: RD bank 5 row 12 column 3 in cycle 111: tRCDRD: not before cycle 112: ACT bank 5 in cycle "
      "100 + 12");
}

/// Of several violated rules the one that holds longest is named: the cycle is the right one.
TEST(Checker, NamesTheCycleThatIsRight) {
  Checker checker(parameters(), "channel");
  give(checker, {activate, 0, 0});
  give(checker, {write, 0, 10});
  // tRTP does not apply, tRAS says 28, write recovery 10 + 28 = 38.
  EXPECT_NE(refusal(checker, {precharge, 0, 11}).find("tCWL + tBURST + tWR: not before cycle 38"), std::string::npos);
}

TEST(Checker, StateOfRows) {
  Checker checker(parameters(), "channel");
  EXPECT_NE(refusal(checker, {read, 0, 0}).find("row: the bank is closed"), std::string::npos);
  checker.command({0, activate, 0, 7, 0});
  EXPECT_NE(refusal(checker, Issued{20, write, 0, 8, 0}).find("row: row 7 is open"), std::string::npos);
  EXPECT_NE(refusal(checker, {activate, 0, 60}).find("row: row 7 is open"), std::string::npos);
  EXPECT_NE(refusal(checker, {refresh_bank, 0, 60}).find("row: row 7 is open"), std::string::npos);
  EXPECT_NE(refusal(checker, {refresh_all, 0, 60}).find("row: row 7 of bank 0 is open"), std::string::npos);
  EXPECT_EQ(refusal(checker, {refresh_all, 6, 60}), "accepted");
  checker.command({70, read_precharge, 0, 7, 0});
  EXPECT_NE(refusal(checker, Issued{90, read, 0, 7, 0}).find("row: the bank is closed"), std::string::npos);
  EXPECT_EQ(refusal(checker, {precharge, 0, 100}), "accepted");  // of a closed bank: no effect
  EXPECT_EQ(refusal(checker, {refresh_all, 0, 113}), "accepted");
}

TEST(Checker, OneCommandPerBusAndCycle) {
  Parameters p = parameters();
  Checker single(p, "channel");
  give(single, {activate, 0, 0});
  EXPECT_NE(
      refusal(single, {activate, 6, 0}).find("command bus: ACT bank 0 is on it in that cycle; not before cycle 1"),
      std::string::npos);
  give(single, {activate, 6, 12});
  EXPECT_NE(refusal(single, {read, 0, 12}).find("command bus"), std::string::npos);
  p.scheduler.dual_command = true;
  Checker dual(p, "channel");
  give(dual, {activate, 0, 0});
  EXPECT_NE(refusal(dual, {activate, 6, 0}).find("command bus: ACT"), std::string::npos);
  give(dual, {activate, 6, 12});
  EXPECT_EQ(refusal(dual, {read, 0, 12}), "accepted");
  EXPECT_NE(refusal(dual, {read, 0, 12}).find("command bus: RD"), std::string::npos);
  give(dual, {activate, 3, 30});
  EXPECT_NE(refusal(dual, {activate, 9, 29}).find("out of order: ACT bank 3 came in cycle 30"), std::string::npos);
}

/// A standard whose columns may follow one another faster than its data fit on the bus (HBM2 of four beats: tCCD_S 1
/// in some tables, a burst of two cycles).
TEST(Checker, DataBus) {
  Parameters p = parameters();
  p.timing.tCCD_S = 2;
  Checker checker(p, "channel");
  give(checker, {activate, 0, 0});
  give(checker, {activate, 3, 5});
  give(checker, {read, 0, 20});
  EXPECT_NE(refusal(checker, {read, 3, 23})
                .find("data bus (tBURST): not before cycle 24: RD bank 0 in cycle 20 has it "
                      "until cycle 35"),
            std::string::npos);
  EXPECT_EQ(refusal(checker, {read, 3, 24}), "accepted");
}

TEST(Checker, RefreshInTime) {
  Parameters p = parameters();
  p.scheduler.refresh = RefreshPolicy::all_bank;
  Checker all(p, "channel");
  give(all, {refresh_all, 0, 5000});
  // Rank 1 has been waiting from the begin on: 9 x 1000.
  EXPECT_NE(refusal(all, {activate, 0, 9001})
                .find("tREFI: bank 6 has not been refreshed since cycle 0; it had to be by "
                      "cycle 9000 (9 x 1000)"),
            std::string::npos);
  EXPECT_EQ(refusal(all, {refresh_all, 6, 9000}), "accepted");
  EXPECT_EQ(refusal(all, {refresh_all, 0, 14000}), "accepted");
  EXPECT_NE(refusal(all, {activate, 0, 18001}).find("bank 6"), std::string::npos);

  p.scheduler.refresh = RefreshPolicy::per_bank;
  Checker each(p, "channel");
  for (int b = 0; b < 12; ++b) {
    if (b != 4) give(each, {refresh_bank, b, 1000 + 100 * static_cast<Cycle>(b)});
  }
  EXPECT_NE(refusal(each, {activate, 0, 9001}).find("tREFI: bank 4"), std::string::npos);
  EXPECT_EQ(refusal(each, {refresh_bank, 4, 9000}), "accepted");
  EXPECT_NE(refusal(each, {activate, 0, 10001}).find("tREFI: bank 0 has not been refreshed since cycle 1000"),
            std::string::npos);
}

TEST(Checker, WhatDoesNotExist) {
  Checker checker(parameters(), "channel");
  EXPECT_NE(refusal(checker, {activate, 12, 0}).find("there are 12 banks"), std::string::npos);
  EXPECT_NE(refusal(checker, Issued{0, activate, 0, 64, 0}).find("there are 64 rows"), std::string::npos);
  EXPECT_NE(refusal(checker, {refresh_all, 3, 0}).find("a command to a rank names its first bank"), std::string::npos);
  give(checker, {activate, 0, 0});
  EXPECT_NE(refusal(checker, Issued{20, read, 0, 0, 32}).find("there are 32 columns"), std::string::npos);
}

}  // namespace
}  // namespace triad::memory::dram
