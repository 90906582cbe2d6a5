#include "models/memory/cache/unit.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "harness.hpp"
#include "models/kit/simulation.hpp"
#include "sim/device/device.hpp"

/// The cache as a unit: the same cycles as the cache that is stepped by hand, and what it records.
namespace triad::memory::cache {
namespace {

constexpr std::uint64_t ghz = 1'000'000'000;

const char* technology_text = R"(
node: test
actions: {}
sram:
  - {size: 16 B, energy_per_byte: 0.1 pJ, source: a round number}
  - {size: 1 KiB, energy_per_byte: 0.5 pJ, source: a round number}
)";

/// Does what the test wants in each cycle in which it is woken.
class Agent : public kit::Unit {
 public:
  Agent(const char* name, std::function<void(Agent&, Cycle)> work)
      : Unit(name, kit::Clock(ghz)), work_(std::move(work)) {}
  std::string waits_for() const override { return {}; }

 private:
  void step() override { work_(*this, cycle()); }
  std::function<void(Agent&, Cycle)> work_;
};

struct Access {
  Cycle at;
  std::uint64_t address;
  std::uint32_t bytes;
  bool write;
};

/// A machine of a requester, the cache and a memory that answers 20 cycles after it took a request.
struct Machine {
  explicit Machine(const Parameters& p, std::vector<Access> accesses_)
      : recorder(ghz, 1),
        technology(config::parse(technology_text)),
        unit("cache", kit::Clock(ghz), p, {&requests, &replies, &misses, &fills}, recorder, technology,
             activity::Resource::memory),
        accesses(std::move(accesses_)),
        above("above", [this](Agent& self, Cycle now) { step_above(self, now); }),
        below("below", [this](Agent& self, Cycle now) { step_below(self, now); }) {
    requests.connect(above, unit);
    replies.connect(unit, above);
    misses.connect(unit, below);
    fills.connect(below, unit);
    for (const Access& access : accesses) above.wake_at(access.at - 1);
  }

  void step_above(Agent& self, Cycle now) {
    while (const Packet* reply = replies.front(now)) {
      answered[reply->id] = now - 1;
      replies.pop(now);
    }
    while (sent < accesses.size() && accesses[sent].at <= now + 1) {
      if (!requests.has_room(now)) return self.wake_at(now + 1);
      Packet packet;
      packet.id = sent;
      packet.address = accesses[sent].address;
      packet.bytes = accesses[sent].bytes;
      packet.write = accesses[sent].write;
      packet.source = 7;
      packet.tag = {0, 0};
      requests.push(packet, now);
      ++sent;
    }
  }

  void step_below(Agent& self, Cycle now) {
    while (const Packet* miss = misses.front(now)) {
      EXPECT_EQ(miss->source, 3);
      EXPECT_EQ(miss->destination, static_cast<int>(miss->address / 128 % 5));
      in_memory.push_back({now, *miss});
      self.wake_at(now + 19);
      misses.pop(now);
    }
    while (!in_memory.empty() && in_memory.front().sent + 19 <= now) {
      if (!fills.has_room(now)) return self.wake_at(now + 1);
      Packet reply = in_memory.front().packet;
      reply.reply = true;
      fills.push(reply, now);
      in_memory.pop_front();
    }
  }

  void run() {
    kit::simulate({&unit}, unit.clock(), {},
                  [this] { return answered.size() == accesses.size() && unit.cache().empty(); });
  }

  Link requests{64}, replies{64}, misses{64}, fills{64};
  activity::Recorder recorder;
  activity::Technology technology;
  CacheUnit unit;
  std::vector<Access> accesses;
  std::size_t sent = 0;
  std::map<std::uint64_t, Cycle> answered;
  std::deque<Bench::Below> in_memory;
  Agent above, below;
};

Parameters two_ports() {
  Parameters p = small();
  p.ports = 2;
  p.banks = 2;
  p.hashed = true;
  return p;
}

std::vector<Access> some_accesses() {
  std::vector<Access> accesses;
  std::uint64_t x = 1;
  Cycle at = 5;
  for (int i = 0; i < 2000; ++i) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t r = x >> 33;
    if (r % 3 == 0) at += r / 3 % 40;
    accesses.push_back({at, r / 7 % 16 * 128 + r / 11 % 4 * 32, 32, r % 5 == 0});
  }
  return accesses;
}

TEST(CacheUnit, TakesTheSameCyclesAsTheCacheAlone) {
  kit::begin_elaboration();
  Machine machine(two_ports(), some_accesses());
  machine.unit.set_route(3, [](std::uint64_t address) { return static_cast<int>(address / 128 % 5); });
  machine.run();
  Bench bench(two_ports());
  for (const Access& access : machine.accesses) bench.request(access.at, access.address, access.bytes, access.write);
  bench.run();
  EXPECT_EQ(machine.answered, bench.answered);
  EXPECT_EQ(machine.unit.cache().counters().events, bench.cache.counters().events);
  EXPECT_EQ(machine.unit.cache().counters().stall_cycles, bench.cache.counters().stall_cycles);
}

/// A read that misses (taken 10, fill 33, reply 34) and a write of its sector (taken 50, answered 55).
TEST(CacheUnit, RecordsStatesCountsAndEnergy) {
  kit::begin_elaboration();
  const Parameters p = small();
  Machine machine(p, {{10, 0, 32, false}, {50, 0, 32, true}});
  machine.unit.set_route(3, [](std::uint64_t address) { return static_cast<int>(address / 128 % 5); });
  machine.run();
  bool flushed = false;
  machine.unit.flush(true, [&] { flushed = true; });
  kit::simulate({&machine.unit}, machine.unit.clock(), {}, [&] { return flushed; });
  machine.recorder.finish(kit::now());
  const activity::Recorder::Unit& unit = machine.recorder.units().at(0);
  // Busy: 10, 33 (fill), 50. Memory: from the miss to its fill, 11 .. 32. The states sum to the run's length.
  EXPECT_EQ(unit.cycles[static_cast<std::size_t>(activity::State::busy)], 3u);
  EXPECT_EQ(unit.cycles[static_cast<std::size_t>(activity::State::memory)], 22u);
  Cycle all = 0;
  for (const Cycle cycles : unit.cycles) all += cycles;
  EXPECT_EQ(all, unit.total);
  EXPECT_EQ(unit.actions.at("reads"), 1u);
  EXPECT_EQ(unit.actions.at("writes"), 1u);
  EXPECT_EQ(unit.actions.at("hits"), 1u);
  EXPECT_EQ(unit.actions.at("misses"), 1u);
  EXPECT_EQ(unit.actions.at("writebacks"), 1u);
  // A tag: 48 address bits - 7 (line) - 1 (two sets) + 2 x 4 (sectors) = 48 bits = 6 bytes; 8 of them are 48 B, which
  // lies at log(48 / 16) / log(1024 / 16) between 0.1 and 0.5 pJ/B. Two lookups of four tags, one written.
  const double tag = 6 * (0.1 + 0.4 * std::log(3.0) / std::log(64.0));
  // Data: filled, read by the waiter, written, read by the write-back: 4 x 32 B at 0.5 pJ/B (1 KiB).
  EXPECT_NEAR(unit.picojoules, (2 * 4 + 1) * tag + 4 * 32 * 0.5, 1e-9);
}

/// What a simulation costs: a hit that comes alone wakes the cache three times (it comes, its reply is due, and the
/// reply's taking makes room), not once a cycle.
TEST(CacheUnit, SleepsBetweenAccesses) {
  kit::begin_elaboration();
  std::vector<Access> accesses{{10, 0, 128, true}};
  for (Cycle i = 1; i <= 100; ++i) accesses.push_back({10 + 1000 * i, 0, 32, false});
  Machine machine(small(), accesses);
  machine.run();
  EXPECT_LE(kit::Unit::activations(), 101u * 6);  // half of them the requester's
  EXPECT_EQ(machine.answered.at(100), 10u + 100'000 + 5);
}

/// A cache below a cache: a read that misses in both. L1 takes it at 10 and sends it at 12; L2 takes it at 13, sends it
/// at 15; the memory takes it at 16, L2 the answer at 36, sends its reply at 37; L1 takes that at 38, replies at 39.
TEST(CacheUnit, CachesCompose) {
  kit::begin_elaboration();
  activity::Recorder recorder(ghz, 1);
  const activity::Technology technology(config::parse(technology_text));
  Parameters through = small();
  through.write = WritePolicy::through;
  through.write_allocate = false;
  Machine machine(small(), {});
  Link requests(4), replies(4);
  CacheUnit l1("l1", kit::Clock(ghz), through, {&requests, &replies, &machine.requests, &machine.replies}, recorder,
               technology);
  std::vector<std::pair<std::uint64_t, Cycle>> log;
  Agent above("core", [&](Agent& self, Cycle now) {
    if (const Packet* reply = replies.front(now)) {
      log.push_back({reply->id, now - 1});
      EXPECT_EQ(reply->source, 9);
      replies.pop(now);
    }
    for (const Cycle at : {9, 59, 79}) {
      if (now != at) continue;
      Packet packet;
      packet.id = at;
      packet.bytes = 32;
      packet.source = 9;
      packet.write = at == 59;
      requests.push(packet, now);
    }
    if (now < 79) self.wake_at(now < 9 ? 9 : now < 59 ? 59 : 79);
  });
  requests.connect(above, l1);
  replies.connect(l1, above);
  machine.requests.connect(l1, machine.unit);
  machine.replies.connect(machine.unit, l1);
  machine.unit.set_route(3, [](std::uint64_t address) { return static_cast<int>(address / 128 % 5); });
  above.wake_at(9);
  kit::simulate({&l1, &machine.unit}, l1.clock(), {}, [&] { return log.size() == 3; });
  // The write: L1 sends it on at 62, L2 takes it at 63 and has it: 68; L1 takes the acknowledgement at 69, answers at
  // 70. The read at 80 hits in L1.
  EXPECT_EQ(log, (std::vector<std::pair<std::uint64_t, Cycle>>{{9, 39}, {59, 70}, {79, 85}}));
  EXPECT_EQ(machine.unit.cache().directory().dirty_lines(), 1);
}

}  // namespace
}  // namespace triad::memory::cache
