#include "models/kit/agenda.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "models/kit/simulation.hpp"

namespace triad::kit {
namespace {

using Steps = std::vector<std::pair<Time, char>>;  ///< the machine's own time, and which unit

class Ticker : public Unit {
 public:
  Ticker(char name, std::uint64_t hz, Steps& steps)
      : Unit(std::string(1, name).c_str(), Clock(hz)), name_(name), steps_(steps) {
    wake_at(0);
  }
  std::string waits_for() const override { return "the test"; }
  int left = 50;
  bool fails = false;

 private:
  void step() override {
    steps_.emplace_back(now(), name_);
    EXPECT_EQ(clock().time_of(cycle()), now());  // at an edge, to the femtosecond
    if (fails) throw std::runtime_error("a broken unit");
    if (--left > 0) wake_at(cycle() + 1);
  }
  char name_;
  Steps& steps_;
};

/// Three units whose clocks share few edges.
struct Machine {
  Steps steps;
  Agenda agenda;
  Ticker a{'a', 940'000'000, steps}, b{'b', 1'410'000'000, steps}, c{'c', 300'000'000, steps};
  Time rested = 0;  ///< SystemC's time, in ticks
  Machine() {
    agenda.on_rest([this] { rested = sc_core::sc_time_stamp().value(); });
  }
};

/// The 50 edges of each clock, by time; of one time in the order in which they were asked for.
void expect_all_steps(const Machine& machine) {
  Steps expected;
  for (const auto& [name, hz] : {std::pair{'a', 940'000'000}, {'b', 1'410'000'000}, {'c', 300'000'000}}) {
    for (Cycle n = 0; n < 50; ++n) expected.emplace_back(activity::time_of(n, static_cast<std::uint64_t>(hz)), name);
  }
  std::sort(expected.begin(), expected.end());
  Steps got = machine.steps;
  EXPECT_TRUE(std::is_sorted(got.begin(), got.end(), [](auto& x, auto& y) { return x.first < y.first; }));
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, expected);
}

TEST(Agenda, TakesEveryStepAtItsEdge) {
  sc_core::sc_set_time_resolution(1, sc_core::SC_FS);
  Machine machine;
  machine.agenda.begin();
  sc_core::sc_start();
  expect_all_steps(machine);
  EXPECT_EQ(machine.rested, activity::time_of(49, 300'000'000));  // the slowest clock's last edge
}

/// At 1 ns nearly every tick holds several edges; the machine's own times stay exact, and it rests at the next tick.
TEST(Agenda, IsAsExactWhereSystemCTicksCoarsely) {
  sc_core::sc_set_time_resolution(1, sc_core::SC_NS);
  Machine machine;
  machine.agenda.begin();
  sc_core::sc_start();
  expect_all_steps(machine);
  EXPECT_EQ(machine.rested, activity::time_of(49, 300'000'000) / 1'000'000 + 1);
}

/// Two machines of one simulation that begin at other times than 0 each have a time of their own.
TEST(Agenda, BeginsWhenItIsTold) {
  Machine first, second;
  sc_core::sc_start(12'345, sc_core::SC_PS);
  EXPECT_TRUE(first.steps.empty());
  first.agenda.begin();
  sc_core::sc_start(7, sc_core::SC_NS);
  EXPECT_EQ(first.agenda.elapsed(), 7'000'000u);
  EXPECT_TRUE(second.steps.empty());
  second.agenda.begin();
  sc_core::sc_start();
  expect_all_steps(first);
  expect_all_steps(second);
  EXPECT_EQ(second.rested - first.rested, 7'000u);  // at the default resolution of 1 ps
}

TEST(Agenda, StopsAtItsBound) {
  Machine machine;
  machine.agenda.bound(activity::time_of(10, 940'000'000));
  machine.agenda.begin();
  sc_core::sc_start();
  EXPECT_TRUE(machine.agenda.cut_short());
  EXPECT_EQ(machine.a.left, 50 - 11);  // edges 0 to 10: the bound's own belongs to it
  EXPECT_EQ(machine.b.left, 50 - 16);  // 1410 / 940 = 1.5: edge 15 at the same time
  EXPECT_EQ(machine.c.left, 50 - 4);   // 10 / 940 MHz = 10.6 ns: edges at 0, 3.3, 6.7, 10 ns
}

TEST(Agenda, AFailureEndsIt) {
  Machine machine;
  machine.b.left = 20;
  machine.a.fails = true;
  machine.agenda.begin();
  sc_core::sc_start();
  EXPECT_EQ(machine.steps.size(), 1u);
  EXPECT_THROW(std::rethrow_exception(machine.agenda.failure()), std::runtime_error);
}

/// What comes from outside comes in the machine's time: steps before it are taken first, and as long as it is awaited
/// the machine does not rest.
TEST(Agenda, AwaitsWhatComesFromOutside) {
  sc_core::sc_set_time_resolution(10, sc_core::SC_NS);
  Machine machine;
  machine.a.left = machine.b.left = machine.c.left = 1;
  int rests = 0;
  machine.agenda.on_rest([&] { ++rests; });
  machine.agenda.await();
  machine.agenda.begin();
  machine.b.wake_at(56);                  // 39.7 ns
  machine.c.wake_at(13);                  // 43.3 ns
  sc_core::sc_start(50, sc_core::SC_NS);  // up to 50 ns, and not what happens then
  EXPECT_EQ(rests, 0);
  EXPECT_EQ(machine.steps.size(), 4u);
  machine.agenda.enter([&] {
    EXPECT_EQ(machine.steps.size(), 5u);
    EXPECT_EQ(now(), 50'000'000u);
    machine.agenda.arrived();
  });
  sc_core::sc_start(10, sc_core::SC_NS);
  EXPECT_GE(rests, 1);
}

}  // namespace
}  // namespace triad::kit
