#include "models/memory/crossbar/crossbar.hpp"

#include <gtest/gtest.h>

#include "models/kit/simulation.hpp"
#include "sim/device/device.hpp"

namespace triad::memory::crossbar {
namespace {

constexpr const char* text =
    "{flit: 32 B, header: 8 B, largest_data: 128 B, latency: 4, queue: 10, output_queue: 6,"
    " virtual_output_queues: true, arbitration: round_robin, wire_mm: 10}";

std::string error_of(const std::string& override_) {
  try {
    const config::Node node = config::parse(text, "x.yaml", {override_});
    Parameters::read(node, 2, 2);
  } catch (const config::Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(CrossbarParameters, AreRead) {
  const config::Node node = config::parse(text);
  const Parameters p = Parameters::read(node, 3, 5);
  node.reject_unread();
  EXPECT_EQ(p.inputs, 3);
  EXPECT_EQ(p.outputs, 5);
  EXPECT_EQ(p.largest_flits(), 5);  // 136 bytes
  EXPECT_EQ(p.queue_flits, 10);
  EXPECT_EQ(p.describe().at(0).second, "3 x 5 ports, 32 B flits, 8 B headers, 4 cycles");
}

TEST(CrossbarParameters, BadOnesAreNamed) {
  EXPECT_EQ(error_of("queue=4"),
            "--set device.queue=4: queue: 4 flits of 32 B cannot hold the largest packet: 5 flits of 8 B of header and "
            "128 B of data");
  EXPECT_NE(error_of("flit=128 KiB").find("between 1 B and 64 KiB"), std::string::npos) << error_of("flit=128 KiB");
  EXPECT_NE(error_of("latency=0").find("latency"), std::string::npos);
  EXPECT_NE(error_of("arbitration=oldest").find("oldest_first"), std::string::npos);
  EXPECT_THROW(Parameters::read(config::parse(text), 2, 1025), config::Error);
}

activity::Technology technology() {
  return activity::Technology(
      config::parse("node: x\nactions: {wire_bit_mm: {energy: 0.05 pJ, source: x}}\n"
                    "sram: [{size: 8 KiB, energy_per_byte: 1 pJ, source: x}]"));
}

TEST(CrossbarParameters, AFlitsEnergyIsItsWiresAndItsQueue) {
  const Parameters p = Parameters::read(config::parse(text), 2, 2);
  EXPECT_NEAR(p.picojoules_per_flit(technology()), 32 * (8 * 10 * 0.05 + 2 * 1.0), 1e-9);  // 192 pJ
}

/// The parameters of the real technologies: 32 bytes over a large chip cost what AccelWattch fitted per event of V100's
/// network: 86 or 223 pJ in two of its models.
TEST(CrossbarParameters, EnergyIsOfTheOrderThatWasFittedToAChip) {
  const Parameters p = Parameters::read(config::parse(text), 2, 2);
  for (const char* name : {"7nm", "16nm"}) {
    const activity::Technology real(config::load(config::presets() / "technology" / (std::string(name) + ".yaml")));
    EXPECT_GT(p.picojoules_per_flit(real), 86);
    EXPECT_LT(p.picojoules_per_flit(real), 260);
  }
}

/// Pushes packets when told, takes what comes unless it is closed.
class End : public kit::Unit {
 public:
  End(const char* name, const kit::Clock& clock) : Unit(name, clock) {}
  void send(Link& link, const Packet& packet, Cycle at) {
    sends_.push_back({&link, packet, at});
    wake_at(at);
  }
  Link* in = nullptr;
  Cycle closed_until = 0;
  std::vector<std::pair<Cycle, std::uint64_t>> seen;
  std::string waits_for() const override { return {}; }

 private:
  struct Send {
    Link* link;
    Packet packet;
    Cycle at;
  };
  void step() override {
    const Cycle now = cycle();
    for (const Send& s : sends_) {
      if (s.at == now) s.link->push(s.packet, now);
    }
    if (in == nullptr) return;
    if (closed_until == never) return;
    if (now < closed_until) return wake_at(closed_until);
    if (const Packet* packet = in->front(now)) {
      seen.emplace_back(now, packet->id);
      in->pop(now);
      if (!in->empty()) wake_at(now + 1);
    }
  }
  std::vector<Send> sends_;
};

struct System {
  kit::Clock clock{1'000'000'000};
  activity::Recorder recorder{1'000'000'000, 0};
  End left{(kit::begin_elaboration(), "left"), clock}, right{"right", clock};
  Crossbar crossbar{"crossbar", clock, Parameters::read(config::parse(text), 2, 2), recorder, technology()};
  Link in0{4}, in1{4}, out1{2};
  System() {
    crossbar.connect_input(0, in0, left);
    crossbar.connect_input(1, in1, left);
    crossbar.connect_output(1, out1, right);
    right.in = &out1;
  }
  void run() {
    kit::simulate({&left, &right, &crossbar}, clock, {}, [] { return true; });
    crossbar.finish();
    recorder.finish(kit::now());
  }
};

TEST(Crossbar, TimeBetweenLinks) {
  System s;
  s.left.send(s.in0, {1, 0, 128, true, false, 0, 1, {}}, 10);
  s.left.send(s.in1, {2, 0, 128, false, false, 0, 1, {}}, 10);
  s.run();
  // Pushed in 10, seen and taken in 11. Number 1: granted in 12, tail at the output and pushed in 11 + 4 + 5 - 1 = 19,
  // seen in 20. Number 2 gets the output in 12 + 5 = 17: at the output in 17 + 4 - 1 = 20, seen in 21.
  EXPECT_EQ(s.right.seen, (std::vector<std::pair<Cycle, std::uint64_t>>{{20, 1}, {21, 2}}));
  EXPECT_EQ(s.crossbar.statistics().contended, 5u);
  EXPECT_EQ(s.crossbar.statistics().refused, 0u);
  const activity::Recorder::Unit& unit = s.recorder.units().at(0);
  EXPECT_EQ(unit.actions.at("packets"), 2u);
  EXPECT_EQ(unit.actions.at("flits"), 6u);
  EXPECT_EQ(unit.cycles[static_cast<std::size_t>(activity::State::busy)], 6u);  // 12 .. 17
  EXPECT_NEAR(unit.picojoules, 6 * 192, 1e-6);
}

TEST(Crossbar, APacketBehindALongOneWaitsInItsLink) {
  System s;
  s.left.send(s.in0, {1, 0, 128, true, false, 0, 1, {}}, 10);
  s.left.send(s.in0, {2, 0, 128, true, false, 0, 1, {}}, 11);
  s.run();
  // Taken in 11 and, when the five flits are in, in 16: it was there in 12 .. 15. The output is free then.
  EXPECT_EQ(s.right.seen, (std::vector<std::pair<Cycle, std::uint64_t>>{{20, 1}, {25, 2}}));
  EXPECT_EQ(s.crossbar.statistics().refused, 4u);
  EXPECT_EQ(s.crossbar.statistics().contended, 0u);
}

TEST(Crossbar, AClosedConsumerStopsTheProducer) {
  System s;
  s.right.closed_until = 200;
  for (std::uint64_t k = 0; k < 12; ++k) s.left.send(s.in0, {k, 0, 0, false, false, 0, 1, {}}, 10 + 2 * k);
  s.run();
  // All twelve: 2 in the link, 6 at the output, 4 in the queue. They come one a cycle, in order; a place of the link
  // that is freed in cycle t is filled in t + 1 and seen in t + 2, so with two places every cycle has one.
  ASSERT_EQ(s.right.seen.size(), 12u);
  for (std::uint64_t k = 0; k < 12; ++k) EXPECT_EQ(s.right.seen[k], (std::pair<Cycle, std::uint64_t>{200 + k, k}));
  EXPECT_GT(s.crossbar.statistics().held, 0u);
  EXPECT_GT(s.crossbar.statistics().blocked, 0u);
}

TEST(Crossbar, WhatWaitsForeverIsNamed) {
  System s;
  s.right.closed_until = kit::Unit::never;
  for (std::uint64_t k = 0; k < 3; ++k) s.left.send(s.in0, {k, 0, 0, false, false, 0, 1, {}}, 1 + k);
  try {
    kit::simulate({&s.left, &s.right, &s.crossbar}, s.clock, {}, [&] { return s.crossbar.waits_for().empty(); });
    FAIL() << "no deadlock";
  } catch (const device::Fault& fault) {
    EXPECT_NE(std::string(fault.what()).find("crossbar: output 1: 1 of 6 packets not taken, 0 inputs wait"),
              std::string::npos)
        << fault.what();  // two are in the link
  }
}

TEST(Crossbar, AnOutputWithoutLinkIsAnError) {
  System s;
  s.left.send(s.in0, {1, 0, 0, false, false, 0, 0, {}}, 1);
  EXPECT_THROW(s.run(), std::logic_error);
}

}  // namespace
}  // namespace triad::memory::crossbar
