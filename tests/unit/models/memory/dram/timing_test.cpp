#include <fmt/format.h>
#include <gtest/gtest.h>

#include "standards.hpp"

namespace triad::memory::dram {
namespace {

using enum Command;

struct Step {
  Command command;
  int bank;
  int at;
};

/// A constraint: with rows open in some banks since long ago, and after these commands, `next` comes in cycle `at`
/// and no sooner, because of `name`.
struct Rule {
  std::string name;
  std::vector<int> open;
  std::vector<Step> before;
  Step next;
};

/// Each constraint in each scope. Cycles are counted from the first command.
std::vector<Rule> rules(const Parameters& p) {
  const Timing& t = p.timing;
  const Organization& o = p.organization;
  const int here = 0, near = 1;  // another one of the group
  std::vector<Rule> all{
      {"tRC", {}, {{activate, here, 0}, {precharge, here, t.tRAS}}, {activate, here, t.tRC}},
      {"tRC", {}, {{activate, here, 0}, {precharge, here, t.tRAS}}, {refresh_bank, here, t.tRC}},
      {"tRC", {}, {{activate, here, 0}, {precharge, here, t.tRAS}}, {refresh_all, here, t.tRC}},
      {"tRC", {}, {{activate, here, 0}, {read_precharge, here, t.tRCDRD}}, {activate, here, t.tRC}},
      {"tRRD_L", {}, {{activate, here, 0}}, {activate, near, t.tRRD_L}},
      {"tRRD_L", {}, {{activate, here, 0}}, {refresh_bank, near, t.tRRD_L}},
      {"tRCDRD", {}, {{activate, here, 0}}, {read, here, t.tRCDRD}},
      {"tRCDWR", {}, {{activate, here, 0}}, {write, here, t.tRCDWR}},
      {"tRAS", {}, {{activate, here, 0}}, {precharge, here, t.tRAS}},
      {"tRAS", {}, {{activate, near, 0}}, {precharge_all, here, t.tRAS}},
      {"tRP", {here}, {{precharge, here, 0}}, {activate, here, t.tRP}},
      {"tRP", {here}, {{precharge, here, 0}}, {refresh_bank, here, t.tRP}},
      {"tRP", {near}, {{precharge, near, 0}}, {refresh_all, here, t.tRP}},
      {"tRP", {here, near}, {{precharge_all, here, 0}}, {activate, near, t.tRP}},
      {"tRP", {here, near}, {{precharge_all, here, 0}}, {refresh_all, here, t.tRP}},
      {"tRTP", {here}, {{read, here, 0}}, {precharge, here, t.tRTP}},
      {"tRTP", {near}, {{read, near, 0}}, {precharge_all, here, t.tRTP}},
      {"tCWL + tBURST + tWR", {here}, {{write, here, 0}}, {precharge, here, t.tCWL + t.tBURST + t.tWR}},
      {"tCWL + tBURST + tWR", {near}, {{write, near, 0}}, {precharge_all, here, t.tCWL + t.tBURST + t.tWR}},
      {"tCCD_L", {here}, {{read, here, 0}}, {read, here, t.tCCD_L}},
      {"tCCD_L", {here, near}, {{read, here, 0}}, {read, near, t.tCCD_L}},
      {"tCCD_L", {here}, {{write, here, 0}}, {write, here, t.tCCD_L}},
      {"tCCD_L", {here, near}, {{write, here, 0}}, {write, near, t.tCCD_L}},
      {"tCWL + tBURST + tWTR_L", {here}, {{write, here, 0}}, {read, here, t.tCWL + t.tBURST + t.tWTR_L}},
      {"tCWL + tBURST + tWTR_L", {here, near}, {{write, here, 0}}, {read, near, t.tCWL + t.tBURST + t.tWTR_L}},
      {"tRTW", {here}, {{read, here, 0}}, {write, here, t.tRTW}},
      {"tRTW", {here, near}, {{read, here, 0}}, {write, near, t.tRTW}},
      {"tRFC", {}, {{refresh_all, here, 0}}, {refresh_all, here, t.tRFC}},
      {"tRFC", {}, {{refresh_all, here, 0}}, {activate, near, t.tRFC}},
      {"tRFC", {}, {{refresh_all, here, 0}}, {refresh_bank, near, t.tRFC}},
      {"tRFC", {}, {{refresh_all, here, 0}}, {precharge_all, here, t.tRFC}},
      {"tRFCpb", {}, {{refresh_bank, here, 0}}, {activate, here, t.tRFCpb}},
      {"tRFCpb", {}, {{refresh_bank, here, 0}}, {refresh_bank, here, t.tRFCpb}},
      {"tRFCpb", {}, {{refresh_bank, near, 0}}, {refresh_all, here, t.tRFCpb}},
      {"tRFCpb", {}, {{refresh_bank, near, 0}}, {precharge_all, here, t.tRFCpb}},
      {"tRREFD", {}, {{refresh_bank, here, 0}}, {activate, near, t.tRREFD}},
      {"tRREFD", {}, {{refresh_bank, here, 0}}, {refresh_bank, near, t.tRREFD}},
  };
  for (const Command next : {activate, refresh_bank, refresh_all}) {
    // The bank precharges itself, once the read, or the write's data, allow it.
    all.push_back({"tRTP + tRP", {here}, {{read_precharge, here, 0}}, {next, here, t.tRTP + t.tRP}});
    all.push_back({"tCWL + tBURST + tWR + tRP",
                   {here},
                   {{write_precharge, here, 0}},
                   {next, here, t.tCWL + t.tBURST + t.tWR + t.tRP}});
  }
  // A fifth row; one of them refreshed.
  const auto bank = [&](int i) { return i % o.bank_groups * o.banks + i / o.bank_groups; };
  const auto four = [&](Command first, int wait) -> std::vector<Step> {
    return {{first, bank(0), 0},
            {activate, bank(1), wait},
            {activate, bank(2), wait + t.tRRD_S},
            {activate, bank(3), wait + 2 * t.tRRD_S}};
  };
  all.push_back({"tFAW", {}, four(activate, t.tRRD_S), {activate, bank(4), t.tFAW}});
  all.push_back({"tFAW", {}, four(activate, t.tRRD_S), {refresh_bank, bank(4), t.tFAW}});
  if (t.tRREFD + 3 * t.tRRD_S < t.tFAW) {
    all.push_back({"tFAW", {}, four(refresh_bank, t.tRREFD), {activate, bank(4), t.tFAW}});
  }
  if (o.bank_groups > 1) {
    const int far = o.banks;  // the first one of another group
    const std::vector<Rule> more{
        {"tRRD_S", {}, {{activate, here, 0}}, {activate, far, t.tRRD_S}},
        {"tRRD_S", {}, {{activate, here, 0}}, {refresh_bank, far, t.tRRD_S}},
        {"tRREFD", {}, {{refresh_bank, here, 0}}, {activate, far, t.tRREFD}},
        {"tCCD_S", {here, far}, {{read, here, 0}}, {read, far, t.tCCD_S}},
        {"tCCD_S", {here, far}, {{write, here, 0}}, {write, far, t.tCCD_S}},
        {"tCWL + tBURST + tWTR_S", {here, far}, {{write, here, 0}}, {read, far, t.tCWL + t.tBURST + t.tWTR_S}},
        {"tRTW", {here, far}, {{read, here, 0}}, {write, far, t.tRTW}},
    };
    all.insert(all.end(), more.begin(), more.end());
  }
  if (o.ranks > 1) {
    const int other = o.banks_per_rank();  // the first one of another rank
    const std::vector<Rule> more{
        {"tBURST + tRTRS", {here, other}, {{read, here, 0}}, {read, other, t.tBURST + t.tRTRS}},
        {"tBURST + tRTRS", {here, other}, {{write, here, 0}}, {write, other, t.tBURST + t.tRTRS}},
        {"tCL + tBURST + tRTRS - tCWL",
         {here, other},
         {{read, here, 0}},
         {write, other, t.tCL + t.tBURST + t.tRTRS - t.tCWL}},
    };
    all.insert(all.end(), more.begin(), more.end());
    if (const int bus = t.tCWL + t.tBURST + t.tRTRS - t.tCL; bus > 1) {  // HBM2: the read's data come later anyway
      all.push_back({"tCWL + tBURST + tRTRS - tCL", {here, other}, {{write, here, 0}}, {read, other, bus}});
    }
  }
  // What holds for a column holds for one with auto-precharge.
  const auto twin = [](Command c) { return c == read ? read_precharge : c == write ? write_precharge : c; };
  for (std::size_t i = 0, n = all.size(); i < n; ++i) {
    if (twin(all[i].next.command) == all[i].next.command) continue;
    Rule rule = all[i];
    rule.next.command = twin(rule.next.command);
    all.push_back(rule);
    if (rule.before[0].bank == rule.next.bank || twin(rule.before[0].command) == rule.before[0].command) continue;
    rule.before[0].command = twin(rule.before[0].command);
    all.push_back(rule);
  }
  return all;
}

void expect_rules(const Parameters& p) {
  for (const Rule& rule : rules(p)) {
    SCOPED_TRACE(fmt::format("{}: {} bank {} ... {} bank {}", rule.name, to_string(rule.before[0].command),
                             rule.before[0].bank, to_string(rule.next.command), rule.next.bank));
    WatchedChannel channel(p);
    for (std::size_t i = 0; i < rule.open.size(); ++i) channel.issue(activate, rule.open[i], 100 * i);
    const Cycle begin = 1000;
    for (const Step& step : rule.before) channel.issue(step.command, step.bank, begin + static_cast<Cycle>(step.at));
    const Cycle right = begin + static_cast<Cycle>(rule.next.at);
    EXPECT_EQ(channel.banks.earliest(rule.next.command, rule.next.bank), right);
    const std::string objection = channel.objection(rule.next.command, rule.next.bank, right - 1);
    EXPECT_NE(objection.find(fmt::format(": {}: not before cycle {}", rule.name, right)), std::string::npos)
        << objection;
    EXPECT_EQ(channel.objection(rule.next.command, rule.next.bank, right), "");
  }
}

TEST(Timing, Ddr4) {
  expect_rules(ddr4());
}
TEST(Timing, Hbm2) {
  expect_rules(hbm2());
}
TEST(Timing, Lpddr4) {
  expect_rules(lpddr4());
}
TEST(Timing, Gddr6) {
  expect_rules(gddr6());
}

TEST(Timing, AnotherRankHasActivatesAndRefreshesOfItsOwn) {
  Banks banks(ddr4());
  for (int i = 0; i < 4; ++i) banks.issue(activate, 4 * i, 1, 1000 + 4 * static_cast<Cycle>(i));
  banks.issue(precharge_all, 0, 0, 1064);
  banks.issue(refresh_all, 0, 0, 1088);
  for (const Command c : {activate, precharge, precharge_all, refresh_all, refresh_bank}) {
    EXPECT_EQ(banks.earliest(c, 16), 0u) << to_string(c);
  }
}

TEST(Timing, AutoPrechargeWaitsForTheRowAndForEarlierWrites) {
  const Timing t = ddr4().timing;
  Banks banks(ddr4());
  banks.issue(activate, 0, 1, 1000);
  banks.issue(write, 0, 1, 1022);                 // tRCDWR; its data and tWR end at 1022 + 16 + 4 + 24 = 1066
  banks.issue(read_precharge, 0, 1, 1054);        // tCWL + tBURST + tWTR_L = 32; tRTP alone ends at 1066 as well
  EXPECT_EQ(banks.earliest(activate, 0), 1088u);  // 1066 + tRP
  Parameters slow = ddr4();
  slow.timing.tWR = t.tWR + 10;
  Banks recovers(slow);
  recovers.issue(activate, 0, 1, 1000);
  recovers.issue(write, 0, 1, 1022);
  recovers.issue(read_precharge, 0, 1, 1054);
  EXPECT_EQ(recovers.earliest(activate, 0), 1098u);  // 1022 + 16 + 4 + 34 + 22
}

}  // namespace
}  // namespace triad::memory::dram
