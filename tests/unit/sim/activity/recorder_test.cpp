#include "sim/activity/recorder.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace triad::activity {
namespace {

constexpr std::uint64_t mhz = 1'000'000;     // an edge every microsecond
constexpr Time microsecond = 1'000'000'000;  // in femtoseconds

Cycle in(const Recorder& recorder, int unit, State state) {
  return recorder.units()[static_cast<std::size_t>(unit)].cycles[static_cast<std::size_t>(state)];
}

TEST(Recorder, StatesSumToTheRunAndGapsAreIdle) {
  Recorder recorder(mhz, 1);
  const int unit = recorder.add_unit("mxu0", mhz, Resource::compute);
  recorder.state(unit, State::fill, {0, 0}, 2, 5);
  recorder.state(unit, State::busy, {0, 0}, 5, 11);
  recorder.state(unit, State::busy, {0, 0}, 11, 11);  // empty: ignored
  recorder.state(unit, State::memory, {}, 15, 18);
  recorder.finish(20 * microsecond);
  EXPECT_EQ(in(recorder, unit, State::fill), 3u);
  EXPECT_EQ(in(recorder, unit, State::busy), 6u);
  EXPECT_EQ(in(recorder, unit, State::memory), 3u);
  EXPECT_EQ(in(recorder, unit, State::idle), 20u - 3 - 6 - 3);
  EXPECT_EQ(recorder.units()[0].total, 20u);
}

TEST(Recorder, OverlappingStatesAreRejected) {
  Recorder recorder(mhz, 0);
  const int unit = recorder.add_unit("vpu", mhz, Resource::compute);
  recorder.state(unit, State::busy, {}, 3, 8);
  EXPECT_THROW(recorder.state(unit, State::busy, {}, 7, 9), std::logic_error);
  EXPECT_THROW(recorder.state(unit, State::busy, {}, 0, 2), std::logic_error);
  EXPECT_NO_THROW(recorder.state(unit, State::busy, {}, 8, 9));
  EXPECT_THROW(recorder.finish(8 * microsecond), std::logic_error);  // active after the end
}

/// Two clocks: a run of 10 us is 10 cycles of one and 25 of the other (2.5 MHz: 0, 0.4, 0.8 ... 9.6 us).
TEST(Recorder, UnitsCountInTheirOwnClock) {
  Recorder recorder(mhz, 0);
  const int device = recorder.add_unit("vpu", mhz, Resource::compute);
  const int memory = recorder.add_unit("memory", 2'500'000, Resource::memory);
  recorder.state(memory, State::busy, {}, 5, 15);  // 2 us .. 6 us
  recorder.finish(10 * microsecond);
  EXPECT_EQ(in(recorder, device, State::idle), 10u);
  EXPECT_EQ(in(recorder, memory, State::busy), 10u);
  EXPECT_EQ(in(recorder, memory, State::idle), 15u);
  EXPECT_EQ(recorder.coverage().memory, 4u);  // device cycles 2, 3, 4, 5
}

TEST(Recorder, ClassesCoverTheRunOnce) {
  Recorder recorder(mhz, 0);
  const int launch = recorder.add_unit("sequencer", mhz, Resource::launch);
  const int mxu = recorder.add_unit("mxu", mhz, Resource::compute);
  const int dma = recorder.add_unit("channel", mhz, Resource::memory);
  recorder.state(launch, State::launch, {}, 0, 10);
  recorder.state(dma, State::busy, {}, 8, 20);       // 2 cycles of the launch hide behind it
  recorder.state(mxu, State::busy, {}, 15, 40);      // 5 cycles of both: the larger class, compute
  recorder.state(mxu, State::operands, {}, 40, 45);  // waiting is no work: latency
  recorder.finish(50 * microsecond);
  const Coverage& c = recorder.coverage();
  EXPECT_EQ(c.launch, 8u);
  EXPECT_EQ(c.memory, 7u);
  EXPECT_EQ(c.compute, 25u);
  EXPECT_EQ(c.latency, 10u);
  EXPECT_STREQ(c.bound_by(), "compute");
}

/// A unit whose clock has an edge every 3 us is busy until 9 us by its own count; the run ends at 8 us.
TEST(Recorder, NothingIsCountedBeyondTheEnd) {
  Recorder recorder(mhz, 1);
  const int slow = recorder.add_unit("channel", mhz / 3, Resource::memory);
  recorder.state(slow, State::busy, {0, 0}, 1, 3);
  recorder.finish(8 * microsecond);
  EXPECT_EQ(recorder.units()[0].total, 3u);
  EXPECT_EQ(recorder.coverage().memory, 8u - 4);  // 333,333 Hz: edge 1 is at 3.000003 us, so cycles 4 .. 7
  EXPECT_EQ(recorder.coverage().latency, 4u);
  EXPECT_EQ(recorder.ops()[0].end, 8u);
  EXPECT_EQ(recorder.ops()[0].begin, 4u);
}

TEST(Recorder, TiesGoToTheFirstClass) {
  EXPECT_STREQ((Coverage{5, 5, 5, 5}.bound_by()), "compute");
  EXPECT_STREQ((Coverage{4, 5, 5, 5}.bound_by()), "memory");
  EXPECT_STREQ((Coverage{4, 4, 5, 5}.bound_by()), "launch");
  EXPECT_STREQ((Coverage{4, 4, 4, 5}.bound_by()), "latency");
}

TEST(Recorder, AnOpIsWhatItsLastStepWas) {
  Recorder recorder(mhz, 2);
  const int mxu = recorder.add_unit("mxu", mhz, Resource::compute);
  const int dma = recorder.add_unit("channel", mhz, Resource::memory);
  recorder.state(mxu, State::busy, {0, 0}, 0, 5);
  recorder.array({0, 0}, 1, 4);
  recorder.state(dma, State::busy, {0, 1}, 10, 13);
  recorder.state(mxu, State::busy, {0, 1}, 14, 20);
  recorder.array({0, 1}, 15, 18);
  recorder.array({0, 1}, 12, 16);
  EXPECT_THROW(recorder.array({1, 1}, 0, 1), std::logic_error);  // an op that did nothing
  recorder.finish(30 * microsecond);
  const OpWindow& op = recorder.ops()[0];
  EXPECT_TRUE(op.seen);
  EXPECT_EQ(op.begin, 10u);
  EXPECT_EQ(op.end, 20u);
  EXPECT_EQ(op.array_begin, 12u);
  EXPECT_EQ(op.array_end, 18u);
  EXPECT_EQ(op.coverage.compute, 6u);
  EXPECT_EQ(op.coverage.memory, 3u);
  EXPECT_EQ(op.coverage.latency, 1u);  // cycle 13
  EXPECT_FALSE(recorder.ops()[1].seen);
}

/// Weights that enter the array while it works for another op: the op has begun.
TEST(Recorder, AnOpBeginsWithItsFirstOperandInTheArray) {
  Recorder recorder(mhz, 2);
  const int mxu = recorder.add_unit("mxu", mhz, Resource::compute);
  recorder.state(mxu, State::busy, {0, 0}, 0, 10);
  recorder.state(mxu, State::busy, {1, 0}, 12, 20);
  recorder.array({1, 0}, 6, 20);
  recorder.finish(20 * microsecond);
  EXPECT_EQ(recorder.ops()[1].begin, 6u);
  EXPECT_EQ(recorder.ops()[1].coverage.compute, 8u);
  EXPECT_EQ(recorder.ops()[1].coverage.latency, 6u);
}

/// A write that an op has handed over reaches the memory while the next op runs.
TEST(Recorder, WhatIsPostedDoesNotMakeAnOpLonger) {
  Recorder recorder(mhz, 2);
  const int store = recorder.add_unit("store", mhz, Resource::compute);
  const int memory = recorder.add_unit("channel", mhz, Resource::memory);
  recorder.posted(memory, {0, 0}, 2, 4);  // recorded before the op's own activity
  recorder.state(store, State::busy, {0, 0}, 0, 6);
  recorder.posted(memory, {0, 0}, 5, 9);
  recorder.state(store, State::busy, {1, 0}, 6, 7);
  recorder.finish(10 * microsecond);
  EXPECT_EQ(recorder.ops()[0].begin, 0u);
  EXPECT_EQ(recorder.ops()[0].end, 6u);
  EXPECT_EQ(recorder.ops()[0].coverage.compute, 6u);  // what was posted in cycles 2, 3 and 5 hides behind it
  EXPECT_EQ(recorder.ops()[1].end, 7u);
  EXPECT_EQ(recorder.coverage().memory, 2u);  // cycles 7 and 8 of the run
  EXPECT_EQ(in(recorder, memory, State::busy), 6u);
  EXPECT_THROW(recorder.posted(memory, {0, 0}, 8, 10), std::logic_error);
}

TEST(Recorder, EnergyIsActionsPlusStaticPower) {
  Recorder recorder(mhz, 0);
  const int unit = recorder.add_unit("mxu", mhz, Resource::compute);
  const int mac = recorder.add_action(unit, "mac_bf16", 2.0);
  recorder.add_static_power(0.25);
  recorder.count(mac, 1'000'000, 0, 4);
  recorder.count(mac, 0, 9, 9);
  recorder.finish(4 * microsecond);
  // 10^6 x 2 pJ = 2 uJ; 0.25 W x 4 us = 1 uJ
  EXPECT_DOUBLE_EQ(recorder.energy_joules(), 3e-6);
  EXPECT_DOUBLE_EQ(recorder.average_power_watts(), 0.75);
  EXPECT_EQ(recorder.units()[0].actions.at("mac_bf16"), 1'000'000u);
  EXPECT_DOUBLE_EQ(recorder.units()[0].picojoules, 2e6);
  EXPECT_DOUBLE_EQ(recorder.peak_power_watts(), 0.75);  // spread evenly: every microsecond is the same
}

TEST(Recorder, PeakPowerIsTheBusiestMicrosecond) {
  Recorder recorder(10 * mhz, 0);  // ten cycles a microsecond
  const int unit = recorder.add_unit("mxu", 10 * mhz, Resource::compute);
  const int action = recorder.add_action(unit, "act", 1.0);
  recorder.add_static_power(1);
  recorder.count(action, 3'000'000, 5, 20);  // 1 uJ from 0.5 to 1 us, 2 uJ from 1 to 2 us
  recorder.count(action, 500'000, 19, 19);   // an instant at 1.9 us
  recorder.finish(10 * microsecond);
  EXPECT_NEAR(recorder.peak_power_watts(), 2.5 + 1, 1e-9);
}

TEST(Recorder, PeakPowerOfAShortRun) {
  Recorder recorder(10 * mhz, 0);
  const int unit = recorder.add_unit("mxu", 10 * mhz, Resource::compute);
  const int action = recorder.add_action(unit, "act", 1.0);
  recorder.count(action, 1'000'000, 0, 5);
  recorder.finish(microsecond / 2);
  EXPECT_DOUBLE_EQ(recorder.peak_power_watts(), 2.0);  // 1 uJ in the 0.5 us that there are

  // 1 uJ in the first microsecond, 0.9 uJ in the half one after it: 1.9 uJ / 1.5 us on average, and at the peak no less
  Recorder longer(10 * mhz, 0);
  const int other = longer.add_action(longer.add_unit("mxu", 10 * mhz, Resource::compute), "act", 1.0);
  longer.count(other, 1'000'000, 0, 10);
  longer.count(other, 900'000, 10, 15);
  longer.finish(microsecond * 3 / 2);
  EXPECT_DOUBLE_EQ(longer.average_power_watts(), 1.9 / 1.5);
  EXPECT_GE(longer.peak_power_watts(), longer.average_power_watts());
}

TEST(Recorder, AnEmptyRun) {
  Recorder recorder(mhz, 1);
  recorder.add_unit("mxu", mhz, Resource::compute);
  recorder.finish(0);
  EXPECT_EQ(recorder.average_power_watts(), 0);
  EXPECT_EQ(recorder.units()[0].total, 0u);
}

}  // namespace
}  // namespace triad::activity
