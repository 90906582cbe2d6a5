#pragma once
#include <rapidcheck.h>

#include <string>
#include <vector>

#include "models/memory/dram/checker.hpp"
#include "models/memory/dram/controller.hpp"
#include "standards.hpp"

/// Random traffic for a controller, and a player that keeps all it did.
namespace triad::memory::dram::play {

struct Push {
  Run run;
  Cycle at = 0;
};

/// What a controller did.
struct Deeds {
  std::vector<std::string> commands, served, transfers;
  Statistics statistics;
  bool operator==(const Deeds& other) const {
    return commands == other.commands && served == other.served && transfers == other.transfers &&
           statistics.cycles() == other.statistics.cycles();
  }
};

/// One of four standards with random policies, queues and bounds.
inline Parameters parameters() {
  Parameters p = *rc::gen::element(ddr4(), hbm2(), lpddr4(), gddr6());
  Organization& o = p.organization;
  o.ranks = *rc::gen::element(1, 1, 2);
  o.pseudo_channels = *rc::gen::element(1, 1, 2);
  o.columns = *rc::gen::element(32, 128);
  if (*rc::gen::inRange(0, 4) == 0) {  // slower than the burst
    p.timing.tCCD_S += *rc::gen::inRange(0, 5);
    p.timing.tCCD_L = std::max(p.timing.tCCD_L, p.timing.tCCD_S) + *rc::gen::inRange(0, 12);
  }
  if (*rc::gen::inRange(0, 2) == 0) p.timing.tREFI = std::max(p.timing.tREFI / 10, 3 * p.timing.tRFC);
  Scheduler& s = p.scheduler;
  s.page = *rc::gen::element(PagePolicy::open, PagePolicy::open, PagePolicy::closed);
  s.refresh = *rc::gen::element(RefreshPolicy::none, RefreshPolicy::all_bank, RefreshPolicy::per_bank);
  s.read_queue = *rc::gen::element(1, 2, 7, 32, 64);
  s.write_queue = *rc::gen::element(1, 3, 8, 32, 40);
  s.write_high = *rc::gen::inRange(1, s.write_queue + 1);
  s.write_low = *rc::gen::inRange(0, s.write_high);
  s.starvation = static_cast<Cycle>(*rc::gen::element(20, 60, 300, 4096));
  s.dual_command = *rc::gen::element(false, true);
  return p;
}

/// Runs of one or more ways in few rows, so that they hit, conflict and overlap.
inline std::vector<Push> traffic(const Parameters& p) {
  const Organization& o = p.organization;
  const int count = *rc::gen::inRange(1, 60);
  const int writes = *rc::gen::element(0, 1, 3, 9, 10), span = *rc::gen::element(1, 40, 400, 3000);
  const int rows = *rc::gen::element(1, 2, 9), longest = *rc::gen::element(1, 7, 61, 1000);
  const int ways_most = *rc::gen::inRange(1, std::min(Run::most_ways, o.bank_groups * 2) + 1);
  std::vector<Push> pushes;
  Cycle at = 0;
  for (int i = 0; i < count; ++i) {
    Push push;
    Run& run = push.run;
    run.request = static_cast<std::uint64_t>(i);
    run.ways = static_cast<std::uint8_t>(*rc::gen::element(1, ways_most));
    const int first = *rc::gen::inRange(0, o.all_banks());
    const int step = *rc::gen::element(1, o.banks);  // a bank of the same group, or of the next one
    for (int w = 0; w < run.ways; ++w) {
      run.banks[static_cast<std::size_t>(w)] = static_cast<std::uint8_t>((first + w * step) % o.all_banks());
    }
    const auto distinct = [&] {
      for (int w = 1; w < run.ways; ++w) {
        for (int v = 0; v < w; ++v) {
          if (run.banks[static_cast<std::size_t>(v)] == run.banks[static_cast<std::size_t>(w)]) return false;
        }
      }
      return true;
    };
    if (!distinct()) run.ways = 1;
    const int columns = o.columns * run.ways;
    run.begin = static_cast<std::uint32_t>(*rc::gen::inRange(0, columns));
    run.end = run.begin + static_cast<std::uint32_t>(
                              *rc::gen::inRange(1, std::min(longest, columns - static_cast<int>(run.begin)) + 1));
    run.row = *rc::gen::inRange(0, rows);
    run.write = *rc::gen::inRange(0, 10) < writes;
    run.tag = {*rc::gen::inRange(0, 2), 0};
    at += static_cast<Cycle>(*rc::gen::inRange(0, span));
    push.at = at;
    pushes.push_back(push);
  }
  return pushes;
}

/// `count` cycles to advance to, at most `most` apart.
inline std::vector<Cycle> cuts(std::size_t count, int most) {
  std::vector<Cycle> cuts;
  Cycle at = 0;
  for (const int step : *rc::gen::container<std::vector<int>>(count, rc::gen::inRange(0, most))) {
    at += static_cast<Cycle>(step);
    cuts.push_back(at);
  }
  return cuts;
}

struct Recorder : Observer {
  explicit Recorder(const Parameters& p) : checker(p, "channel 0") {}
  void command(const Issued& i) override {
    checker.command(i);
    issued.push_back(i);
  }
  Checker checker;
  std::vector<Issued> issued;
};

/// Plays the traffic and lets the controller finish. `cuts`: cycles to advance to on the way.
inline Deeds play(const Parameters& p, int slot, const std::vector<Push>& pushes, const std::vector<Cycle>& cuts = {}) {
  Recorder recorder(p);
  Controller controller(p, slot, &recorder);
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  auto cut = cuts.begin();
  for (const Push& push : pushes) {
    for (; cut != cuts.end() && *cut < push.at; ++cut) controller.advance(*cut, served, transfers);
    controller.push(push.run, push.at);
  }
  for (; cut != cuts.end(); ++cut) controller.advance(*cut, served, transfers);
  const Cycle end = (pushes.empty() ? 0 : pushes.back().at) + 2'000'000;
  controller.advance(end, served, transfers);
  RC_ASSERT(controller.idle());
  RC_ASSERT(controller.backlog() == 0u);
  Deeds deeds;
  for (const Issued& i : recorder.issued) {
    deeds.commands.push_back(std::string(to_string(i.command)) + " bank " + std::to_string(i.bank) + " row " +
                             std::to_string(i.row) + " column " + std::to_string(i.column) + " @" +
                             std::to_string(i.at));
  }
  for (const Served& s : served) {
    deeds.served.push_back("run " + std::to_string(s.request) + ": " + std::to_string(s.columns) + " entered @" +
                           std::to_string(s.entered) + " " + std::to_string(s.first) + ".." + std::to_string(s.last));
  }
  for (const Transfer& t : transfers) {
    deeds.transfers.push_back(std::to_string(t.from) + ".." + std::to_string(t.to) + " " + std::to_string(t.columns) +
                              (t.write ? " written, op " : " read, op ") + std::to_string(t.tag.op));
  }
  deeds.statistics = controller.statistics();
  return deeds;
}

/// The first line in which two lists differ, for messages.
inline std::string difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string x = i < a.size() ? a[i] : "(end)", y = i < b.size() ? b[i] : "(end)";
    if (x != y) return "line " + std::to_string(i) + ": " + x + " | " + y;
  }
  return {};
}

}  // namespace triad::memory::dram::play
