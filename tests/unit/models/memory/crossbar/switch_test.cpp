#include "models/memory/crossbar/switch.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "bench.hpp"

namespace triad::memory::crossbar {
namespace {

TEST(Switch, APacketsFlitsAreItsHeaderAndItsData) {
  const Parameters p = parameters(1, 1, 1);
  EXPECT_EQ(p.flits({0, 0, 128, false, false, 0, 0, {}}), 1);  // read: 8 of 32 bytes
  EXPECT_EQ(p.flits({0, 0, 128, true, false, 0, 0, {}}), 5);   // written: 8 + 128 = 136 = 4 x 32 + 8
  EXPECT_EQ(p.flits({0, 0, 120, true, false, 0, 0, {}}), 4);   // 128 = 4 x 32
  EXPECT_EQ(p.flits({0, 0, 128, false, true, 0, 0, {}}), 5);   // what a read brings back
  EXPECT_EQ(p.flits({0, 0, 128, true, true, 0, 0, {}}), 1);    // done
}

TEST(Switch, UnloadedLatency) {
  for (const int latency : {1, 2, 7, 100}) {
    Bench bench(parameters(2, 2, latency));
    bench.offer(0, 1, 10);
    bench.offer(1, 0, 10, 128);
    bench.run(1000);
    // Taken in 10, header there `latency` later; its tail one cycle later per further flit.
    EXPECT_EQ(bench.delivered(0), 10u + latency);
    EXPECT_EQ(bench.delivered(1), 10u + latency + 4);
    const Statistics& s = bench.inside.statistics();
    EXPECT_EQ(s.packets, 2u);
    EXPECT_EQ(s.flits, 6u);
    EXPECT_EQ(s.queued + s.blocked + s.contended + s.held, 0u);
  }
}

TEST(Switch, APortMovesOneFlitACycle) {
  Bench bench(parameters(1, 2, 3));
  bench.offer(0, 0, 0, 128);  // 5 flits
  bench.offer(0, 1, 0, 128);
  bench.offer(0, 0, 0);  // 1 flit
  bench.run(1000);
  EXPECT_EQ(bench.delivered(0), 0u + 3 + 4);
  EXPECT_EQ(bench.delivered(1), 5u + 3 + 4);  // taken when the first is in
  EXPECT_EQ(bench.delivered(2), 10u + 3);     // and so on: 11 flits in 11 cycles
}

TEST(Switch, TwoInputsOfOneOutputTakeTurns) {
  Bench bench(parameters(2, 1, 1));
  for (int k = 0; k < 4; ++k) {
    bench.offer(0, 0, 0, 50);  // 58 bytes: 2 flits
    bench.offer(1, 0, 0, 50);
  }
  bench.run(1000);
  ASSERT_EQ(bench.deliveries.size(), 8u);
  for (std::size_t k = 0; k < 8; ++k) {
    EXPECT_EQ(bench.deliveries[k].input, static_cast<int>(k % 2));
    EXPECT_EQ(bench.deliveries[k].delivered, 2 + 2 * k);  // granted in 1, 3, 5 ...; the second flit a cycle later
  }
}

/// Input 1 keeps output 0 busy for 5 cycles; input 0 has a packet for it, and behind that one for output 1.
void head_of_line(bool virtual_output_queues, Cycle second) {
  Parameters p = parameters(2, 2, 1);
  p.virtual_output_queues = virtual_output_queues;
  Bench bench(p);
  bench.offer(1, 0, 0, 128);
  bench.offer(0, 0, 1);
  bench.offer(0, 1, 2);
  bench.run(1000);
  EXPECT_EQ(bench.delivered(0), 5u);  // granted in 1, flits in 1 .. 5
  EXPECT_EQ(bench.delivered(1), 6u);  // output 0 is free in 6
  EXPECT_EQ(bench.delivered(2), second);
  const Statistics& s = bench.inside.statistics();
  EXPECT_EQ(s.contended, 4u);                            // packet 1, in 2 .. 5
  EXPECT_EQ(s.queued, virtual_output_queues ? 0u : 4u);  // packet 2, in 3 .. 6
}
TEST(Switch, AnInputQueueMakesAPacketWaitForTheOneBefore) {
  head_of_line(false, 7);  // the first one leaves the queue in 6, this one in 7
}
TEST(Switch, AVirtualOutputQueueDoesNot) {
  head_of_line(true, 3);  // taken in 2, granted in 3
}

TEST(Switch, AnOutputThatIsNotEmptiedStopsItsInputs) {
  Parameters p = parameters(1, 1, 1);
  p.output_packets = 2;
  p.queue_flits = 5;
  Bench bench(p);
  bench.sink = [](int, Cycle now) { return now >= 100; };
  for (int k = 0; k < 10; ++k) bench.offer(0, 0);
  bench.run(50);
  EXPECT_EQ(bench.inside.packets(), 7u);  // 2 places of the output, 5 of the queue
  EXPECT_EQ(bench.offers(), 3u);
  Bench again(p);
  again.sink = bench.sink;
  for (int k = 0; k < 10; ++k) again.offer(0, 0);
  again.run(1000);
  // Packets 0 and 1, delivered in 100 and 101, free places that are filled from 101 and 102 on: one a cycle.
  for (std::size_t k = 0; k < 10; ++k) EXPECT_EQ(again.deliveries.at(k).delivered, 100 + k);
  const Statistics& s = again.inside.statistics();
  // Arrived in 1 and 2, delivered in 100 and 101. Each later one is granted, and at the output, a cycle after a place
  // was freed, when the one before is delivered: its turn is the next cycle.
  EXPECT_EQ(s.held, 99u + 99u + 8u);
  // Packet 2 is first from 3 on, and granted in 101: the output was free and full from 3 up to 100.
  EXPECT_EQ(s.blocked, 98u);
  EXPECT_EQ(s.contended, 0u);
}

TEST(Switch, OldestFirstGoesBeforeTurns) {
  for (const Arbitration arbitration : {Arbitration::round_robin, Arbitration::oldest_first}) {
    Parameters p = parameters(3, 1, 1);
    p.arbitration = arbitration;
    Bench bench(p);
    bench.offer(2, 0, 0, 128);  // 0: keeps the output busy in 1 .. 5; turns: input 0 is next
    bench.offer(2, 0, 0);       // 1: taken in 5
    bench.offer(1, 0, 2);       // 2
    bench.offer(0, 0, 3);       // 3
    bench.run(1000);
    std::vector<std::uint64_t> order;
    for (const Bench::Delivery& d : bench.deliveries) order.push_back(d.packet.id);
    const bool oldest = arbitration == Arbitration::oldest_first;
    EXPECT_EQ(order, oldest ? (std::vector<std::uint64_t>{0, 2, 3, 1}) : (std::vector<std::uint64_t>{0, 3, 2, 1}));
  }
}

TEST(Switch, ARequestRemembersItsPortAndItsReplyLeavesThere) {
  Bench request(parameters(4, 2, 1));
  request.offer(3, {7, 0x100, 32, false, false, 0, 1, {}});
  request.run(100);
  ASSERT_EQ(request.deliveries.size(), 1u);
  Packet packet = request.deliveries[0].packet;
  EXPECT_EQ(request.deliveries[0].output, 1);
  EXPECT_EQ(packet.source, 3);
  packet.reply = true;
  Bench reply(parameters(2, 4, 1));
  reply.offer(1, packet);
  reply.run(100);
  ASSERT_EQ(reply.deliveries.size(), 1u);
  EXPECT_EQ(reply.deliveries[0].output, 3);
}

TEST(Switch, ABadPacketIsAnError) {
  Switch inside(parameters(2, 2, 1));
  EXPECT_THROW(inside.takes(0, {0, 0, 153, true, false, 0, 0, {}}, 0), std::logic_error);  // 6 flits
  EXPECT_THROW(inside.takes(0, {0, 0, 32, true, false, 0, 2, {}}, 0), std::logic_error);
  EXPECT_THROW(inside.takes(0, {0, 0, 32, true, true, -1, 0, {}}, 0), std::logic_error);
}

/// Inputs that always have packets of one flit for random outputs: packets per cycle and output.
double saturated(int ports, bool virtual_output_queues) {
  Parameters p = parameters(ports, ports, 1);
  p.virtual_output_queues = virtual_output_queues;
  p.queue_flits = 64;
  Bench bench(p);
  std::mt19937 engine(5);
  const int packets = 20000;
  for (int i = 0; i < ports; ++i) {
    for (int k = 0; k < packets; ++k) bench.offer(i, static_cast<int>(engine() % static_cast<unsigned>(ports)));
  }
  const Cycle cycles = packets / 2;  // all inputs are still saturated
  bench.run(cycles);
  return static_cast<double>(bench.deliveries.size()) / static_cast<double>(cycles) / ports;
}

/// Karol, Hluchyj and Morgan, IEEE Transactions on Communications 1987, table I: with one queue per input the load is
/// limited to 0.75, 0.6553, 0.6184 ... and 0.5858 for infinitely many ports. (Links in front of full virtual output
/// queues bring a rest of it back.)
TEST(Switch, HeadOfLineBlockingLimitsTheLoadAsKnown) {
  EXPECT_NEAR(saturated(2, false), 0.75, 0.01);
  EXPECT_NEAR(saturated(4, false), 0.6553, 0.01);
  EXPECT_NEAR(saturated(8, false), 0.6184, 0.01);
  EXPECT_GT(saturated(2, true), 0.97);
  EXPECT_GT(saturated(8, true), 0.97);
}

TEST(Switch, DisjointPairsGoAtFullRate) {
  Parameters p = parameters(8, 8, 10);
  p.output_packets = 12;
  Bench bench(p);
  for (int i = 0; i < 8; ++i) {
    for (int k = 0; k < 100; ++k) bench.offer(i, (3 * i + 1) % 8);
  }
  bench.run(100000);
  ASSERT_EQ(bench.deliveries.size(), 800u);
  EXPECT_EQ(bench.deliveries.back().delivered, 99u + 10);  // the last is taken in 99
}

}  // namespace
}  // namespace triad::memory::crossbar
