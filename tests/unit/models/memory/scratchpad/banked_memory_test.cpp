#include "models/memory/scratchpad/banked_memory.hpp"

#include <gtest/gtest.h>

#include <random>

#include "models/kit/simulation.hpp"
#include "sim/device/device.hpp"

namespace triad::memory::scratchpad {
namespace {

/// Pushes its packets as its link takes them, and notes what is answered when; may leave answers lying.
class Requester : public kit::Unit {
 public:
  Requester(const sc_core::sc_module_name& name, const kit::Clock& clock) : Unit(name, clock) {}
  Link out{2}, in{2};
  std::vector<Packet> to_send;
  std::vector<Cycle> sent, answered;
  std::vector<std::uint64_t> ids;
  std::uint32_t lazy = 0;  ///< takes an answer in one of so many cycles, by chance; 0: in every cycle
  void begin(Cycle at) { wake_at(at); }
  std::string waits_for() const override { return {}; }

 private:
  void step() override {
    const Cycle now = cycle();
    if (in.front(now) != nullptr && (lazy == 0 || engine_() % lazy == 0)) {
      answered.push_back(now);
      ids.push_back(in.front(now)->id);
      in.pop(now);
    }
    if (sent.size() < to_send.size() && out.has_room(now)) {
      out.push(to_send[sent.size()], now);
      sent.push_back(now);
    }
    if (!in.empty() || (sent.size() < to_send.size() && out.size() < 2)) wake_at(now + 1);
  }
  std::mt19937 engine_{1};
};

Parameters parameters(int queue) {
  return Parameters::read(
      config::parse("{size: 64 KiB, banks: 8, word: 4 B, interleave: 4 B, width: 32 B, latency: 5,"
                    " ports: {shared: 1}, queue: " +
                    std::to_string(queue) + "}"));
}

struct System {
  kit::Clock clock{1'000'000'000};
  activity::Recorder recorder{1'000'000'000, 0};
  activity::Technology technology{
      config::parse("node: x\nactions: {a: {energy: 1 pJ, source: x}}\n"
                    "sram: [{size: 8 KiB, energy_per_byte: 1.5 pJ, source: x}]")};
  BankedMemory memory;
  Requester a, b;
  explicit System(int queue)
      : memory((kit::begin_elaboration(), "memory"), clock, parameters(queue), recorder, technology),
        a("a", clock),
        b("b", clock) {
    memory.connect(a.out, a.in, a);
    memory.connect(b.out, b.in, b);
  }
  void run() {
    a.begin(10);
    b.begin(10);
    kit::simulate({&memory, &a, &b}, clock, {}, [] { return true; });
    memory.finish();
    recorder.finish(kit::now());
  }
};

Packet read(std::uint64_t id, std::uint64_t address, std::uint32_t bytes) {
  return {id, address, bytes, false, false, 0, 0, {}};
}

TEST(BankedMemory, TimeOfAnAccess) {
  System s(4);
  s.a.to_send = {read(1, 0, 32), read(2, 32, 64)};
  s.run();
  // Pushed in 10, presented in 11, all 8 banks at once, data in 16, seen in 17. The second comes a cycle later and
  // takes two parts.
  EXPECT_EQ(s.a.answered, (std::vector<Cycle>{17, 19}));
  const auto& unit = s.recorder.units().at(0);
  EXPECT_EQ(unit.actions.at("words_read"), 24u);
  EXPECT_NEAR(unit.picojoules, 24 * 4 * 1.5, 1e-9);
  EXPECT_EQ(unit.cycles[static_cast<std::size_t>(activity::State::busy)], 3u);  // 11, 12, 13
  EXPECT_EQ(s.memory.conflict_cycles() + s.memory.wait_cycles(), 0u);
}

TEST(BankedMemory, RequestersOfOneBankTakeTurns) {
  System s(8);
  for (std::uint64_t k = 0; k < 3; ++k) {
    s.a.to_send.push_back(read(k, 0, 4));
    s.b.to_send.push_back(read(k, 32, 4));  // bank 0 as well
  }
  s.run();
  // Presented in 11, 12, 13 by both; a, b in 11, then b goes first, then a. Bank 0 serves in 11 a, 12 b, 13 b, 14 a,
  // 15 a, 16 b; answers are seen 6 cycles later.
  EXPECT_EQ(s.a.answered, (std::vector<Cycle>{17, 20, 21}));
  EXPECT_EQ(s.b.answered, (std::vector<Cycle>{18, 19, 22}));
  EXPECT_EQ(s.memory.wait_cycles(), 0u + 1 + 1 + 2 + 2 + 3);  // served in 11 .. 16, presented in 11, 11, 12, 12, 13, 13
}

TEST(BankedMemory, OneAccessAtATime) {
  System s(1);
  s.a.to_send = {read(1, 0, 4), read(2, 4, 4)};
  s.run();
  EXPECT_EQ(s.a.answered, (std::vector<Cycle>{17, 22}));  // the second is presented when the first is answered, in 16
}

TEST(BankedMemory, BeyondItsEndIsAFault) {
  System s(1);
  s.a.to_send = {read(1, (64 << 10) - 4, 8)};
  EXPECT_THROW(s.run(), device::Fault);
}

TEST(BankedMemory, EveryAccessIsAnsweredOnceInOrderWhateverTheRequestersDo) {
  System s(3);
  std::mt19937 engine(11);
  for (Requester* r : {&s.a, &s.b}) {
    r->lazy = 1 + engine() % 4;
    for (std::uint64_t k = 0; k < 5000; ++k) {
      r->to_send.push_back(read(k, engine() % 60000, 1 + engine() % 100));
      r->to_send.back().write = engine() % 3 == 0;
    }
  }
  s.run();
  for (const Requester* r : {&s.a, &s.b}) {
    ASSERT_EQ(r->ids.size(), 5000u);
    for (std::uint64_t k = 0; k < 5000; ++k) {
      ASSERT_EQ(r->ids[k], k);
      ASSERT_GE(r->answered[k], r->sent[k] + 7);
    }
  }
  EXPECT_EQ(s.memory.waits_for(), "");
}

}  // namespace
}  // namespace triad::memory::scratchpad
