#include "models/memory/dram_backend.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "models/kit/simulation.hpp"
#include "models/memory/memory.hpp"

namespace triad::memory {
namespace {

constexpr Time ns = 1'000'000;

/// 1 GHz, so that a cycle is 1 ns; bursts of 32 bytes take 4. Path: 10 ns there and 10 ns back.
const std::string dram_text = R"(
kind: dram
clock: 1 GHz
channels: 2
latency: 20 ns
credits: 1000
path: wire
organization: {ranks: 1, bank_groups: 1, banks: 4, rows: 64, row: 1 KiB, bus: 32, burst: 8, beats_per_clock: 2}
timing: {tCL: 11, tCWL: 9, tRCD: 12, tRP: 13, tRAS: 28, tRC: 41, tCCD: 4, tRRD: 5, tFAW: 24, tRTP: 6, tWR: 14, tWTR: 7, tRTW: 8, tREFI: 3900, tRFC: 260}
scheduler: {refresh: none}
mapping: {interleave: 64 B, order: [row, bank, column]}
energy: {activate: 100 pJ, read: 7 pJ, write: 9 pJ, refresh: 1000 pJ, background: 0.5 W}
)";

Parameters parameters(const std::vector<std::string>& overrides = {}) {
  return Parameters::read(config::parse(dram_text, "m.yaml", overrides, "memory"));
}

struct Bench {
  activity::Technology technology{
      config::parse("node: x\nactions: {wire: {energy: 2 pJ, source: x}}\n"
                    "sram: [{size: 8 KiB, energy_per_byte: 1 pJ, source: x}]")};
  activity::Recorder recorder{1'000'000'000, 0};
  Memory memory;
  std::map<std::string, Completion> done;

  explicit Bench(const Parameters& p = parameters())
      : memory((kit::begin_elaboration(), "memory"), p, recorder, technology, true) {}
  void accept(const std::string& name, const Request& request) {
    ASSERT_TRUE(memory.accept(request, [this, name](const Completion& completion) {
      EXPECT_EQ(completion.last, kit::now()) << name;  // told at the time of the last byte
      done[name] = completion;
    }));
  }
  void run() {
    kit::simulate({&memory}, memory.clock(), {}, [] { return true; });
    memory.finish(kit::now());
    recorder.finish(kit::now());
  }
  std::uint64_t count(const std::string& action) {
    std::uint64_t n = 0;
    for (const auto& unit : recorder.units()) n += unit.actions.contains(action) ? unit.actions.at(action) : 0;
    return n;
  }
};

void expect(const Bench& bench, const std::string& name, Time first, Time last) {
  ASSERT_TRUE(bench.done.contains(name)) << name;
  EXPECT_EQ(bench.done.at(name).first, first * ns) << name;
  EXPECT_EQ(bench.done.at(name).last, last * ns) << name;
}

TEST(DramBackend, AReadTakesThePathAndTheDramsOwnTime) {
  Bench bench;
  bench.accept("a", {.address = 0, .row_bytes = 32});
  bench.run();
  expect(bench, "a", 48, 48);  // 1 to the next edge + 10 there + 12 tRCD + 11 tCL + 4 burst + 10 back
  EXPECT_EQ(bench.count("activates"), 1u);
  EXPECT_EQ(bench.count("reads"), 1u);
  EXPECT_EQ(bench.count("bytes_moved"), 32u);
  // 100 activate + 7 read + 32 x 8 bits of 2 pJ on the path; two channels of 0.5 W for 48 ns.
  EXPECT_DOUBLE_EQ(bench.recorder.units()[0].picojoules, 100 + 7 + 512);
  EXPECT_DOUBLE_EQ(bench.recorder.static_energy_joules(), 1.0 * 48e-9);
  EXPECT_EQ(bench.recorder.units()[0].cycles[0], 4u);  // the data bus was busy for a burst
}

TEST(DramBackend, RowHitsStreamAndChannelsWorkAtOnce) {
  Bench bench;
  bench.accept("a", {.address = 0, .row_bytes = 256});  // 64 bytes in channel 0, 64 in 1, and again: 4 columns each
  bench.run();
  expect(bench, "a", 48, 60);  // as one column, + 3 x 4
  EXPECT_EQ(bench.count("activates"), 2u);
  for (const std::size_t c : {0u, 1u}) EXPECT_EQ(bench.recorder.units()[c].cycles[0], 16u);
}

TEST(DramBackend, AConflictClosesTheRowFirst) {
  Bench bench;
  bench.accept("a", {.address = 0, .row_bytes = 32});
  bench.accept("b", {.address = 2 * 4 * 1024, .row_bytes = 32});  // channel 0, bank 0, row 1
  bench.run();
  expect(bench, "a", 48, 48);
  // ACT at 11; its row stays open for tRAS: PRE at 39; ACT at 52 (also 11 + tRC 41); + 12 + 11 + 4 + 10.
  expect(bench, "b", 89, 89);
}

TEST(DramBackend, AWriteIsDoneWhenItIsQueued) {
  Bench bench;
  bench.accept("w", {.address = 0, .row_bytes = 64, .write = true});
  bench.run();
  expect(bench, "w", 21, 21);  // 1 + 10 + 10: its columns enter the write queue at once
  // The run is over before the DRAM has it: drained, counted, and no longer.
  EXPECT_EQ(kit::now(), 21 * ns);
  EXPECT_EQ(bench.recorder.length(), 21 * ns);
  EXPECT_EQ(bench.count("writes"), 2u);
  EXPECT_EQ(bench.count("activates"), 1u);
  EXPECT_EQ(bench.count("bytes_moved"), 64u);
  EXPECT_DOUBLE_EQ(bench.recorder.units()[0].picojoules, 100 + 2 * 9 + 1024);
}

TEST(DramBackend, AReadOfAQueuedWriteIsServedFromTheQueue) {
  Bench bench(parameters({"scheduler.write_low=1"}));
  bench.accept("w", {.address = 0, .row_bytes = 32, .write = true});
  bench.accept("r", {.address = 0, .row_bytes = 32});
  bench.run();
  expect(bench, "r", 36, 36);  // 1 + 10 + 11 tCL + 4 burst + 10
  EXPECT_EQ(bench.count("reads"), 0u);
  EXPECT_EQ(bench.count("bytes_moved"), 64u);  // both took the path
}

TEST(DramBackend, RefreshGoesOnAndCosts) {
  Bench bench(parameters({"scheduler.refresh=all-bank", "channels=1"}));
  bench.accept("a", {.address = 0, .row_bytes = 1 << 16});  // 2048 columns, 8192 cycles: two refreshes are due
  bench.run();
  EXPECT_EQ(bench.count("refreshes"), 2u);
  EXPECT_GT(bench.done.at("a").last, (8192 + 2 * 260) * ns);
}

TEST(DramBackend, ARequestOfManyRowsIsServedWhenItsLastOneIs) {
  Bench bench;
  // Rows at 0, 128, 256: channel 0, one column each of one row of its DRAM.
  bench.accept("a", {.address = 0, .row_bytes = 8, .rows = 3, .stride = 128});
  bench.run();
  expect(bench, "a", 48, 56);
  EXPECT_EQ(bench.memory.read_bytes(), 24u);
  EXPECT_EQ(bench.count("bytes_moved"), 96u);  // whole columns move
}

TEST(DramBackend, NothingTakesThePath) {
  Bench bench;
  bench.accept("a", {.address = 0, .row_bytes = 0, .rows = 2, .stride = 64});
  bench.run();
  expect(bench, "a", 21, 21);
  EXPECT_EQ(bench.count("bytes_moved"), 0u);
}

/// Random requests at random times, and when each was served.
struct Trial {
  struct Requester : kit::Unit {
    Requester(const std::string& name, Trial& trial) : Unit(name.c_str(), kit::Clock(1'000'000'000)), trial_(trial) {}
    std::string waits_for() const override { return {}; }
    void step() override {
      const Request request{.address = engine_() % 4 * 9000 + engine_() % 1500,
                            .row_bytes = 1 + engine_() % 600,
                            .rows = 1 + engine_() % 3,
                            .stride = 700,
                            .write = engine_() % 3 == 0};
      const std::size_t number = trial_.requests.size();
      trial_.requests.emplace_back(cycle(), request);
      trial_.last.push_back(0);
      ASSERT_TRUE(trial_.memory.accept(
          request, [this, number](const Completion& completion) { trial_.last[number] = completion.last; }));
      if (number < 400) wake_at(cycle() + (engine_() % 40 == 0 ? 700 : 1 + engine_() % 60));
    }
    Trial& trial_;
    std::mt19937 engine_{7};
  };
  Trial(const std::string& name, const Parameters& p, const activity::Technology& technology)
      : memory(name.c_str(), p, recorder, technology, true), requester(name + "_requester", *this) {
    requester.wake_at(0);
  }
  activity::Recorder recorder{1'000'000'000, 0};
  Memory memory;
  std::vector<std::pair<Cycle, Request>> requests;
  std::vector<Time> last;
  Requester requester;
};

/// When requests are served that enter bare controllers, advanced cycle by cycle, `there` cycles after the edge that
/// follows them.
std::vector<Cycle> served_one_by_one(const Parameters& p, Cycle there,
                                     const std::vector<std::pair<Cycle, Request>>& requests) {
  dram::Dram dram(*p.dram, true);
  std::vector<std::uint64_t> open(requests.size());
  std::vector<Cycle> last(requests.size());
  std::vector<dram::Served> served;
  std::vector<dram::Transfer> transfers;
  std::size_t next = 0, left = requests.size();
  for (Cycle now = 0; left > 0; ++now) {
    for (auto& controller : dram.controllers()) controller.advance(now, served, transfers);
    for (const dram::Served& s : served) {
      last[s.request] = std::max(last[s.request], s.last);
      left -= --open[s.request] == 0 ? 1 : 0;
    }
    served.clear();
    for (; next < open.size() && requests[next].first + 1 + there == now; ++next) {
      const Request& r = requests[next].second;
      for (std::uint64_t row = 0; row < r.rows; ++row) {
        open[next] += dram.push(next, r.address + row * 700, r.row_bytes, r.write, {}, now);
      }
    }
  }
  return last;
}

TEST(DramBackend, LookaheadIsNotToBeSeen) {
  Bench bench;  // elaborates
  const std::vector<Cycle> paths = {2, 20, 302};
  std::vector<Parameters> of;
  std::vector<std::unique_ptr<Trial>> trials;
  for (const Cycle path : paths) {
    of.push_back(parameters({fmt::format("latency={} ns", path), "scheduler.refresh=all-bank"}));
    trials.push_back(std::make_unique<Trial>(fmt::format("path{}", path), of.back(), bench.technology));
  }
  bench.run();
  for (std::size_t t = 0; t < trials.size(); ++t) {
    const std::vector<Cycle> expected = served_one_by_one(of[t], paths[t] / 2, trials[t]->requests);
    ASSERT_EQ(expected.size(), 401u);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_EQ(trials[t]->last[i], (expected[i] + paths[t] / 2) * ns) << "path " << paths[t] << ", request " << i;
    }
  }
}

TEST(DramParameters, ComeFromThePresetAndTheDevice) {
  const Parameters p = parameters();
  EXPECT_EQ(p.kind, Kind::dram);
  EXPECT_EQ(p.channels, 2);
  EXPECT_DOUBLE_EQ(p.bandwidth, 16e9);  // 2 x 4 bytes x 2 beats x 1 GHz
  EXPECT_EQ(p.access, 32u);
  EXPECT_EQ(p.interleave, 64u);
  EXPECT_EQ(p.capacity, 2u * 4 * 64 * 1024);
  EXPECT_DOUBLE_EQ(p.background_watts(), 1.0);
}

TEST(DramParameters, AnIdealMemoryOverADramIsTheSameWithoutItsLosses) {
  const Parameters p = parameters({"kind=ideal"});
  EXPECT_EQ(p.kind, Kind::ideal);
  EXPECT_DOUBLE_EQ(p.bandwidth, 16e9);
  EXPECT_DOUBLE_EQ(p.background_watts(), 0);
  const activity::Technology technology(
      config::parse("node: x\nactions: {wire: {energy: 2 pJ, source: x}}\n"
                    "sram: [{size: 8 KiB, energy_per_byte: 1 pJ, source: x}]"));
  // The path, and of a stream of reads: 7 pJ a column and an activate of 100 for 32 of them, 256 bits each.
  EXPECT_DOUBLE_EQ(p.bit_picojoules(technology), 2 + (7 + 100.0 / 32) / 256);
  EXPECT_DOUBLE_EQ(parameters({"kind=ideal", "bandwidth=1 GB/s"}).bandwidth, 1e9);
  Bench bench(p);
  bench.accept("a", {.address = 0, .row_bytes = 32});
  bench.run();
  expect(bench, "a", 25, 25);  // 1 + 20 + 4
}

TEST(DramParameters, ErrorsNameTheKey) {
  const auto error = [](const std::vector<std::string>& overrides) {
    try {
      parameters(overrides);
    } catch (const config::Error& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(error({"kind=drum"}),
            "--set memory.kind=drum: kind: 'drum' is none of dram, ideal, tlm; did you mean dram?");
  EXPECT_EQ(error({"kind=ideal", "access=24 B"}), "--set memory.access=24 B: access: must be a power of two");
  EXPECT_NE(error({"credits=0"}).find("credits: must be a whole number from 1"), std::string::npos);
}

}  // namespace
}  // namespace triad::memory
