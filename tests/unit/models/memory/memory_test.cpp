#include "models/memory/memory.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "models/kit/simulation.hpp"

namespace triad::memory {
namespace {

constexpr Time ns = 1'000'000;

/// 1 GHz; two channels that share 4 GB/s: an access of 32 bytes takes a channel 16 ns. 64 bytes lie in one channel
/// before the other one's turn; latency 100 ns.
struct Bench {
  activity::Technology technology{
      config::parse("node: x\nactions: {bit: {energy: 2 pJ, source: x}}\n"
                    "sram: [{size: 8 KiB, energy_per_byte: 1 pJ, source: x}]")};
  activity::Recorder recorder{1'000'000'000, 0};
  Memory memory;
  std::map<std::string, Completion> done;
  std::map<std::string, Time> called;

  static Parameters parameters(int credits, int channels) {
    Parameters p;
    p.clock_hz = 1'000'000'000;
    p.channels = channels;
    p.bandwidth = 2e9 * channels;
    p.latency = 100e-9;
    p.interleave = 64;
    p.access = 32;
    p.credits = credits;
    p.capacity = 1 << 20;
    p.energy = "bit";
    return p;
  }
  explicit Bench(int credits = 1000, int channels = 2)
      : memory((kit::begin_elaboration(), "memory"), parameters(credits, channels), recorder, technology, true) {}
  bool accept(const std::string& name, const Request& request) {
    return memory.accept(request, [this, name](const Completion& completion) {
      done[name] = completion;
      called[name] = kit::now();
    });
  }
  void run() {
    kit::simulate({&memory}, memory.clock(), {}, [] { return true; });
    recorder.finish(kit::now());
  }
};

void expect(const Bench& bench, const std::string& name, Time first, Time last) {
  ASSERT_TRUE(bench.done.contains(name));
  EXPECT_EQ(bench.done.at(name).first, first * ns) << name;
  EXPECT_EQ(bench.done.at(name).last, last * ns) << name;
  EXPECT_EQ(bench.called.at(name), last * ns) << name;  // told at the time of the last byte
}

TEST(Memory, OneAccess) {
  Bench bench;
  bench.accept("a", {.address = 0, .row_bytes = 32});
  bench.run();
  expect(bench, "a", 117, 117);  // 1 to the next edge + 100 latency + 16
}

TEST(Memory, WholeAccessesMoveForAnUnalignedRow) {
  Bench bench;
  bench.accept("a", {.address = 31, .row_bytes = 2});  // bytes 31 and 32 lie in two accesses of channel 0
  bench.run();
  expect(bench, "a", 117, 133);  // 1 + 100 + 16, + 16
  EXPECT_EQ(bench.memory.read_bytes(), 2u);
  EXPECT_EQ(bench.recorder.units()[0].actions.at("bytes_moved"), 64u);
  EXPECT_DOUBLE_EQ(bench.recorder.units()[0].picojoules, 64 * 8 * 2.0);  // bytes x bits x pJ
}

TEST(Memory, ARangeSpreadsOverTheChannels) {
  Bench bench;
  bench.accept("a", {.address = 0, .row_bytes = 256});  // 2 x 64 bytes for each channel, 4 accesses
  bench.run();
  expect(bench, "a", 117, 165);                         // 1 + 100 + 4 x 16
  EXPECT_EQ(bench.recorder.units()[0].cycles[0], 64u);  // busy 64 ns
  EXPECT_EQ(bench.recorder.units()[1].cycles[0], 64u);
}

TEST(Memory, StridedRowsGoWhereTheirAddressesLie) {
  Bench bench;
  // Rows at 0, 128, 256: all in channel 0, one access each.
  bench.accept("same", {.address = 0, .row_bytes = 8, .rows = 3, .stride = 128, .write = true});
  // Rows at 64, 128, 192 ...: channels 1, 0, 1, 0.
  bench.accept("both", {.address = 64, .row_bytes = 8, .rows = 4, .stride = 64});
  bench.run();
  expect(bench, "same", 117, 149);  // 1 + 100 + 3 x 16
  // Channel 1 is free: 117, 133. Channel 0 follows on: 149 + 2 x 16.
  expect(bench, "both", 117, 181);
  EXPECT_EQ(bench.memory.read_bytes(), 32u);
  EXPECT_EQ(bench.memory.written_bytes(), 24u);
}

TEST(Memory, AChannelServesInOrderAndChannelsAreIndependent) {
  Bench bench;
  bench.accept("first", {.address = 0, .row_bytes = 64});
  bench.accept("second", {.address = 128, .row_bytes = 64});  // channel 0 again
  bench.accept("other", {.address = 64, .row_bytes = 32});    // channel 1
  bench.run();
  expect(bench, "first", 117, 133);
  expect(bench, "second", 149, 165);
  expect(bench, "other", 117, 117);
}

TEST(Memory, StreamsAtItsBandwidth) {
  Bench bench;
  bench.accept("all", {.address = 0, .row_bytes = 1 << 20});
  bench.run();
  // 1 MiB at 4 GB/s = 262144 ns
  expect(bench, "all", 117, 101 + 262'144);
}

/// A unit that asks for more requests than there are credits, again when it is woken.
class Asker : public kit::Unit {
 public:
  Asker(Bench& bench, std::uint64_t hz) : Unit("asker", kit::Clock(hz)), bench_(bench) {
    bench.memory.add_listener(*this);
  }
  std::vector<Cycle> accepted;
  std::string waits_for() const override { return {}; }

 private:
  void step() override {
    while (accepted.size() < 4) {
      if (!bench_.accept(std::to_string(accepted.size()), {.address = 0, .row_bytes = 32})) return;
      accepted.push_back(cycle());
    }
  }
  Bench& bench_;
};

TEST(Memory, CreditsBoundWhatIsInFlight) {
  Bench bench(2);
  Asker asker(bench, 500'000'000);  // a cycle is 2 ns
  asker.wake_at(0);
  bench.run();
  // Two at once. The first is done at 117 ns: the next edge of the asker is 59 (118 ns). The second is done at 133: 67.
  EXPECT_EQ(asker.accepted, (std::vector<Cycle>{0, 0, 59, 67}));
  // Accepted at 118 ns: 119 + 100 + 16. Accepted at 134: 135 + 100 + 16.
  expect(bench, "2", 235, 235);
  expect(bench, "3", 251, 251);
}

TEST(Memory, OffersOfOneInstantAreServedByRequester) {
  Bench bench;
  bench.accept("second", {.address = 0, .row_bytes = 32, .write = true, .requester = 1});
  bench.accept("first", {.address = 0, .row_bytes = 64, .requester = 0});
  bench.accept("third", {.address = 0, .row_bytes = 32, .requester = 1});
  bench.run();
  expect(bench, "first", 117, 133);   // 1 + 100 + 2 x 16
  expect(bench, "second", 149, 149);  // + 16
  expect(bench, "third", 165, 165);
}

TEST(Memory, WhatOneInstantOffersBeyondTheCreditsWaits) {
  Bench bench(1);
  EXPECT_TRUE(bench.accept("second", {.address = 0, .row_bytes = 32, .requester = 1}));
  EXPECT_TRUE(bench.accept("first", {.address = 64, .row_bytes = 32, .requester = 0}));
  EXPECT_FALSE(bench.accept("refused", {.address = 64, .row_bytes = 32, .requester = 0}));
  bench.run();
  expect(bench, "first", 117, 117);
  // The credit is free later than 117 ns: the edge at 118, + 100 latency + 16.
  expect(bench, "second", 234, 234);
}

/// What several requesters on the same clock do with one memory when all of them want more than there are credits.
struct Contest {
  struct Requester : public kit::Unit {
    Requester(Contest& contest, int number)
        : Unit(fmt::format("requester{}", number).c_str(), kit::Clock(1'000'000'000)),
          contest_(contest),
          number_(number),
          engine_(static_cast<std::uint32_t>(number)) {
      contest.memory.add_listener(*this);
    }
    std::string waits_for() const override { return {}; }

   private:
    void step() override {
      for (; next_ < 50; ++next_) {
        const std::string name = fmt::format("{}.{}", number_, next_);
        const Request request{.address = drawn_ % 512, .row_bytes = 1 + drawn_ % 200, .requester = number_};
        const bool accepted = contest_.memory.accept(request, [this, name](const Completion& completion) {
          contest_.completions.push_back(fmt::format("{} {} {}", name, completion.first, completion.last));
          EXPECT_EQ(completion.last, kit::now());
          wake_at(clock().at(kit::now()));  // in the instant of the completion, if that is an edge
        });
        if (!accepted) return;
        contest_.accepted.push_back({kit::now(), number_});
        drawn_ = engine_();
      }
    }
    Contest& contest_;
    int number_, next_ = 0;
    std::mt19937 engine_;
    std::uint64_t drawn_ = 0;
  };

  Contest(const std::string& name, const activity::Technology& technology, const std::vector<int>& order)
      : memory(name.c_str(), Bench::parameters(3, 2), recorder, technology, true) {
    for (const int number : order) requesters.push_back(std::make_unique<Requester>(*this, number));
    for (const auto& requester : requesters) requester->wake_at(0);
  }
  activity::Recorder recorder{1'000'000'000, 0};
  Memory memory;
  std::vector<std::unique_ptr<Requester>> requesters;
  std::vector<std::string> completions;        ///< in order
  std::vector<std::pair<Time, int>> accepted;  ///< when, of whom
};

TEST(Memory, TheOrderOfRequestersInAnInstantChangesNothing) {
  Bench bench;  // elaborates
  std::vector<std::unique_ptr<Contest>> contests;
  std::vector<int> order = {0, 1, 2};
  do {
    contests.push_back(std::make_unique<Contest>(fmt::format("contest{}", contests.size()), bench.technology, order));
  } while (std::next_permutation(order.begin(), order.end()));
  bench.run();
  for (const auto& contest : contests) {
    EXPECT_EQ(contest->completions.size(), 150u);
    EXPECT_EQ(contest->completions, contests[0]->completions);
    std::ranges::sort(contest->accepted);
    EXPECT_EQ(contest->accepted, contests[0]->accepted);
    contest->recorder.finish(kit::now());
  }
}

/// Random ranges against a count of every access that every row touches.
TEST(Memory, RandomRangesTouchWhatTheyShould) {
  Bench bench(100'000, 3);
  std::mt19937 engine(5);
  std::vector<std::uint64_t> bytes(3, 0);
  for (int i = 0; i < 300; ++i) {
    Request request{.address = engine() % 4096, .row_bytes = 1 + engine() % (i % 3 == 0 ? 2000 : 90)};
    request.rows = 1 + engine() % 5;
    request.stride = static_cast<std::int64_t>(engine() % 3000);
    for (std::uint64_t row = 0; row < request.rows; ++row) {
      const std::uint64_t begin = request.address + row * static_cast<std::uint64_t>(request.stride);
      std::set<std::uint64_t> accesses;
      for (std::uint64_t b = begin; b < begin + request.row_bytes; ++b) accesses.insert(b / 32);
      for (const std::uint64_t access : accesses) bytes[access * 32 / 64 % 3] += 32;
    }
    ASSERT_TRUE(bench.accept(std::to_string(i), request));
  }
  bench.run();
  EXPECT_EQ(bench.done.size(), 300u);
  for (std::size_t c = 0; c < 3; ++c) EXPECT_EQ(bench.recorder.units()[c].actions.at("bytes_moved"), bytes[c]);
}

TEST(Contents, AreZeroUntilWrittenAcrossPages) {
  Contents contents;
  std::vector<std::byte> out(16, std::byte{1}), in;
  contents.read(1ull << 40, out.data(), out.size());
  EXPECT_EQ(out, std::vector<std::byte>(16));
  EXPECT_EQ(contents.touched_bytes(), 0u);
  for (int i = 0; i < 200'000; ++i) in.push_back(static_cast<std::byte>(i * 7));
  contents.write(65'530, in.data(), in.size());
  std::vector<std::byte> back(in.size());
  contents.read(65'530, back.data(), back.size());
  EXPECT_EQ(back, in);
  contents.read(65'529, out.data(), 2);
  EXPECT_EQ(out[0], std::byte{0});
  EXPECT_EQ(out[1], in[0]);
}

TEST(MemoryParameters, BadOnesAreErrors) {
  const auto read = [](const std::string& access, const std::string& interleave) {
    return Parameters::read(config::parse(
        "kind: ideal\nclock: 1 GHz\nchannels: 2\nbandwidth: 4 GB/s\nlatency: 1 ns\ncredits: 1\ncapacity: 1 "
        "GiB\nenergy: x\naccess: " +
        access + "\ninterleave: " + interleave));
  };
  EXPECT_NO_THROW(read("32 B", "32 B"));
  EXPECT_THROW(read("24 B", "64 B"), config::Error);
  EXPECT_THROW(read("32 B", "96 B"), config::Error);
  EXPECT_THROW(read("64 B", "32 B"), config::Error);
}

}  // namespace
}  // namespace triad::memory
