#include "models/kit/unit.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "models/kit/channel.hpp"
#include "models/kit/simulation.hpp"
#include "sim/device/device.hpp"

namespace triad::kit {
namespace {

/// Notes when it is stepped, and does what the test wants.
class Probe : public Unit {
 public:
  Probe(const char* name, std::uint64_t hz, std::function<void(Probe&, Cycle)> work = {})
      : Unit(name, Clock(hz)), work_(std::move(work)) {}
  std::vector<Cycle> stepped;
  std::string waits_for() const override { return "the test"; }

 private:
  void step() override {
    stepped.push_back(cycle());
    if (work_) work_(*this, cycle());
  }
  std::function<void(Probe&, Cycle)> work_;
};

constexpr std::uint64_t ghz = 1'000'000'000;

void run(const Unit& unit) {
  simulate({&unit}, unit.clock(), {}, [] { return true; });
}

TEST(Unit, IsSteppedInOrderOfTimeAndOnceACycle) {
  begin_elaboration();
  Probe probe("probe", ghz);
  for (const Cycle cycle : {5, 2, 9, 2, 5}) probe.wake_at(cycle);
  run(probe);
  EXPECT_EQ(probe.stepped, (std::vector<Cycle>{2, 5, 9}));
}

/// SystemC's events keep the earliest notification only: a later request must not be lost while an earlier one is
/// pending, whichever comes first.
TEST(Unit, ALaterWakeIsNotLost) {
  begin_elaboration();
  Probe probe("probe", ghz, [](Probe& self, Cycle now) {
    if (now == 2) self.wake_at(20), self.wake_at(4), self.wake_at(30), self.wake_at(7);
    if (now == 4) self.wake_at(6);
  });
  probe.wake_at(2);
  probe.wake_at(10);
  run(probe);
  EXPECT_EQ(probe.stepped, (std::vector<Cycle>{2, 4, 6, 7, 10, 20, 30}));
}

TEST(Unit, AWakeInThePastIsNow) {
  begin_elaboration();
  bool asked = false;
  Probe probe("probe", ghz, [&](Probe& self, Cycle) {
    if (!asked) self.wake_at(1);
    asked = true;
  });
  probe.wake_at(8);
  run(probe);
  EXPECT_EQ(probe.stepped, (std::vector<Cycle>{8, 8}));
}

/// 300 MHz and 1 GHz: edge 1 at 3.333333 ns is seen at the first edge of the other clock after it, at 4 ns.
TEST(Unit, CyclesOfTwoClocks) {
  begin_elaboration();
  Probe fast("fast", ghz);
  Probe slow("slow", 300'000'000, [&](Probe&, Cycle) { fast.wake_at(fast.clock().after(now())); });
  for (const Cycle cycle : {1, 2, 3}) slow.wake_at(cycle);
  run(slow);
  EXPECT_EQ(slow.stepped, (std::vector<Cycle>{1, 2, 3}));
  // 3.33 -> 4, 6.67 -> 7, 10 (an edge of both) -> 11: strictly later
  EXPECT_EQ(fast.stepped, (std::vector<Cycle>{4, 7, 11}));
}

TEST(Channel, OneCycleBothWays) {
  begin_elaboration();
  Probe producer("producer", ghz), consumer("consumer", ghz);
  Channel<int> channel(2);
  channel.connect(producer, consumer);
  EXPECT_TRUE(channel.has_room(0));
  channel.push(7, 0);
  EXPECT_EQ(channel.front(0), nullptr);  // not in the cycle of the push
  ASSERT_NE(channel.front(1), nullptr);
  EXPECT_EQ(*channel.front(1), 7);
  channel.push(8, 1);
  EXPECT_FALSE(channel.has_room(1));
  EXPECT_THROW(channel.push(9, 1), std::logic_error);
  channel.pop(3);
  EXPECT_FALSE(channel.has_room(3));  // the place is free one cycle later
  channel.pop(3);                     // two in a cycle free two
  EXPECT_FALSE(channel.has_room(3));
  EXPECT_TRUE(channel.has_room(4));
  channel.push(1, 4);
  EXPECT_TRUE(channel.has_room(4));
  channel.push(2, 4);
  EXPECT_FALSE(channel.has_room(4));
}

/// Cycles in which a consumer that is always ready pops from a producer that always pushes.
std::vector<Cycle> pops(std::size_t capacity) {
  begin_elaboration();
  Channel<int> channel(capacity);
  std::vector<Cycle> out;
  int pushed = 0;
  Probe producer("producer", ghz, [&](Probe& self, Cycle now) {
    if (pushed == 4 || !channel.has_room(now)) return;  // woken when there is room
    channel.push(pushed++, now);
    self.wake_at(now + 1);
  });
  Probe consumer("consumer", ghz, [&](Probe& self, Cycle now) {
    const int* item = channel.front(now);
    if (item == nullptr) return;
    EXPECT_EQ(*item, static_cast<int>(out.size()));
    out.push_back(now);
    channel.pop(now);
    self.wake_at(now + 1);
  });
  channel.connect(producer, consumer);
  producer.wake_at(0);
  run(producer);
  return out;
}

// push 0, pop 1, room 2, push 2, pop 3 ...
TEST(Channel, OnePlaceGivesHalfTheRate) {
  EXPECT_EQ(pops(1), (std::vector<Cycle>{1, 3, 5, 7}));
}
// push 0 and 1, pop 1 makes room for 2 ...
TEST(Channel, TwoPlacesGiveTheFullRate) {
  EXPECT_EQ(pops(2), (std::vector<Cycle>{1, 2, 3, 4}));
}

TEST(Simulation, NothingPendingBeforeTheEndIsADeadlock) {
  begin_elaboration();
  Probe probe("probe", ghz);
  probe.wake_at(12);
  try {
    simulate({&probe}, probe.clock(), {}, [] { return false; });
    FAIL() << "no fault";
  } catch (const device::Fault& fault) {
    EXPECT_STREQ(fault.what(), "deadlock at cycle 12: nothing is pending while work is outstanding\n  probe: the test");
  }
}

TEST(Simulation, StopsAtTheBound) {
  begin_elaboration();
  Probe probe("probe", ghz, [](Probe& self, Cycle now) { self.wake_at(now + 1); });
  probe.wake_at(0);
  try {
    simulate({&probe}, probe.clock(), {.max_cycles = 100}, [] { return false; });
    FAIL() << "no fault";
  } catch (const device::Fault& fault) {
    EXPECT_STREQ(fault.what(), "stopped after 100 cycles (--max-cycles) with work outstanding");
  }
  EXPECT_EQ(probe.stepped.back(), 100u);
}

}  // namespace
}  // namespace triad::kit
