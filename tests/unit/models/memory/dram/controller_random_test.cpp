// What holds for all traffic: the checker finds nothing, every column is moved once, columns keep their order, the
// bandwidth stack is complete, and it does not matter in how many steps one advances.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "play.hpp"

namespace triad::memory::dram {
namespace {

RC_GTEST_PROP(ControllerRandom, ServesEveryRunOnceAndKeepsTheStandard, ()) {
  const Parameters p = play::parameters();
  const std::vector<play::Push> pushes = play::traffic(p);
  const play::Deeds deeds = play::play(p, 0, pushes);  // the checker throws
  RC_ASSERT(deeds.served.size() == pushes.size());
  std::uint64_t reads = 0, writes = 0;
  for (const play::Push& push : pushes) (push.run.write ? writes : reads) += push.run.columns();
  RC_ASSERT(deeds.statistics.writes == writes);
  RC_ASSERT(deeds.statistics.reads + deeds.statistics.forwarded == reads);
  RC_ASSERT(deeds.statistics.cycles() == pushes.back().at + 2'000'000);
  RC_ASSERT(deeds.statistics.reading == deeds.statistics.reads * static_cast<Cycle>(p.timing.tBURST));
}

RC_GTEST_PROP(ControllerRandom, StepsDoNotMatter, ()) {
  const Parameters p = play::parameters();
  const std::vector<play::Push> pushes = play::traffic(p);
  const std::vector<Cycle> cuts = play::cuts(500, *rc::gen::element(2, 10, 300));
  const play::Deeds whole = play::play(p, 0, pushes), cut = play::play(p, 0, pushes, cuts);
  RC_ASSERT(play::difference(whole.commands, cut.commands) == "");
  RC_ASSERT(play::difference(whole.served, cut.served) == "");
  RC_ASSERT(play::difference(whole.transfers, cut.transfers) == "");
}

/// Reads and writes of one column take effect in order of arrival.
RC_GTEST_PROP(ControllerRandom, EveryColumnKeepsItsOrder, ()) {
  Parameters p = play::parameters();
  std::vector<play::Push> pushes = play::traffic(p);
  struct Recorder : Observer {
    void command(const Issued& i) override {
      const bool write = i.command == Command::write || i.command == Command::write_precharge;
      if (!write && i.command != Command::read && i.command != Command::read_precharge) return;
      seen[{i.bank, i.row, i.column}] += write ? 'W' : 'R';
    }
    std::map<std::tuple<int, std::int64_t, int>, std::string> seen;
  } recorder;
  Controller controller(p, 0, &recorder);
  std::map<std::tuple<int, std::int64_t, int>, std::string> asked;
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  for (const play::Push& push : pushes) {
    controller.push(push.run, push.at);
    for (std::uint32_t i = push.run.begin; i < push.run.end; ++i) {
      asked[{push.run.banks[i % push.run.ways], push.run.row, static_cast<int>(i / push.run.ways)}] +=
          push.run.write ? 'W' : 'R';
    }
  }
  controller.advance(pushes.back().at + 2'000'000, served, transfers);
  RC_ASSERT(controller.idle());
  for (const auto& [column, order] : asked) {
    // Of the reads between two writes some may have been served from the queue, but none before the first write.
    const auto reads_between_writes = [](const std::string& accesses) {
      std::vector<int> reads{0};
      for (const char access : accesses) {
        if (access == 'W') {
          reads.push_back(0);
        } else {
          ++reads.back();
        }
      }
      return reads;
    };
    const std::vector<int> wanted = reads_between_writes(order), done = reads_between_writes(recorder.seen[column]);
    RC_ASSERT(wanted.size() == done.size());
    RC_ASSERT(wanted[0] == done[0]);
    for (std::size_t i = 1; i < wanted.size(); ++i) RC_ASSERT(done[i] <= wanted[i]);
  }
}

/// A caller who advances at next() sees every run before it is served.
RC_GTEST_PROP(ControllerRandom, NextMissesNothing, ()) {
  const Parameters p = play::parameters();
  const std::vector<play::Push> pushes = play::traffic(p);
  Controller controller(p, 0, nullptr);
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  std::size_t told = 0;
  Cycle at = 0;
  const auto advance = [&](Cycle to) {
    controller.advance(to, served, transfers);
    for (; told < served.size(); ++told) RC_ASSERT(served[told].last >= to);
    const Cycle accounted = controller.statistics().cycles();  // to now, or to the end of the last burst
    RC_ASSERT(accounted >= to);
    RC_ASSERT(accounted < to + static_cast<Cycle>(p.timing.tCL + p.timing.tCWL + p.timing.tBURST));
    at = to;
  };
  for (const play::Push& push : pushes) {
    while (controller.next() < push.at) {
      RC_ASSERT(controller.next() >= at);
      advance(controller.next());
    }
    advance(push.at);
    controller.push(push.run, push.at);
  }
  int idle_calls = 0;
  while (controller.next() != Controller::never) {
    const Cycle next = controller.next();
    idle_calls = next == at ? idle_calls + 1 : 0;
    RC_ASSERT(idle_calls < 2);
    advance(next);
  }
  RC_ASSERT(served.size() == pushes.size());
}

}  // namespace
}  // namespace triad::memory::dram
