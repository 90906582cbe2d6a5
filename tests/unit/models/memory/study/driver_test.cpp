#include "models/memory/study/driver.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <sstream>

#include "../dram/traffic.hpp"

namespace triad::memory::study {
namespace {

using device::Traffic;
using device::TrafficResult;

/// The preset ddr4-3200 with one channel: 22-22-22, tRAS 52, tRC 74, tFAW 34, a burst of 4 cycles at 1.6 GHz; rows of
/// 8 KiB in four groups of four banks. `overrides`: "mapping.order=[row, bank, bank_group, column]".
dram::Parameters ddr4(std::vector<std::string> overrides = {}) {
  overrides.insert(overrides.begin(), {"channels=1", "mapping.interleave=64 B", "mapping.xor=none"});
  return dram::preset("ddr4-3200", overrides);
}

const std::string in_a_row = "mapping.order=[row, bank, bank_group, column]";
const std::string no_refresh = "scheduler.refresh=none";

TrafficResult drive(const dram::Parameters& parameters, Traffic traffic) {
  traffic.check = true;
  return Driver(parameters, traffic).run();
}

std::uint64_t commands(const TrafficResult& result, const std::string& name) {
  for (const auto& [each, n] : result.commands)
    if (each == name) return n;
  throw std::out_of_range(name);
}

TEST(Driver, OneInFlightTakesTheTimeOfAReadEach) {
  Traffic traffic;
  traffic.requests = 100;  // of one row: 128 columns
  traffic.outstanding = 1;
  const TrafficResult result = drive(ddr4({in_a_row, no_refresh}), traffic);
  // activate to read 22, read to data 22, burst 4; then 22 + 4 each
  EXPECT_EQ(result.read.most, 48u);
  EXPECT_EQ(result.read.median, 26u);
  EXPECT_EQ(result.read.least, 26u);
  EXPECT_EQ(result.cycles, 48u + 99 * 26);
  EXPECT_EQ(result.read.requests, 100u);
  EXPECT_DOUBLE_EQ(result.read.mean, (48 + 99 * 26) / 100.0);
  EXPECT_EQ(commands(result, "activate"), 1u);
  EXPECT_DOUBLE_EQ(result.row_hit_rate, 0.99);
  EXPECT_DOUBLE_EQ(result.bytes_per_second(), 6400 / (result.cycles / 1.6e9));
}

TEST(Driver, TwoInFlightOverlap) {
  Traffic traffic;
  traffic.requests = 100;
  traffic.outstanding = 2;
  const TrafficResult result = drive(ddr4({in_a_row, no_refresh}), traffic);
  // Two reads at 22 and, after tCCD_L, 30: data until 48 and 56. From then on each sends the next when it is done: 26
  // later, 8 apart as before.
  EXPECT_EQ(result.cycles, 56u + 49 * 26);
  EXPECT_EQ(result.read.median, 26u);
}

TEST(Driver, RequestsThatAreFarApartSeeAnIdleMemory) {
  Traffic traffic;
  traffic.requests = 50;
  traffic.interval = 1000;
  const TrafficResult result = drive(ddr4({in_a_row, no_refresh}), traffic);
  EXPECT_EQ(result.read.most, 48u);
  EXPECT_EQ(result.read.median, 26u);
  EXPECT_EQ(result.cycles, 49u * 1000 + 26);
}

TEST(Driver, LatencyOfTimedRequestsCountsTheWaitOutside) {
  Traffic traffic;
  traffic.requests = 1000;
  traffic.interval = 1;  // eight times what a bank group can do
  const TrafficResult result =
      drive(ddr4({in_a_row, no_refresh, "mapping.order=[row, bank, column, bank_group]"}), traffic);
  // A column every four cycles: the last one comes at 999 and is served after about 4000.
  EXPECT_NEAR(static_cast<double>(result.cycles), 22 + 22 + 4 * 1000, 40);
  EXPECT_NEAR(static_cast<double>(result.read.most), static_cast<double>(result.cycles) - 999, 40);
}

TEST(Driver, WritesAreDoneWhenTheyArePosted) {
  Traffic traffic;
  traffic.requests = 20;  // fit the queue
  traffic.reads = 0;
  traffic.writes = 1;
  traffic.interval = 100;
  const TrafficResult result = drive(ddr4({in_a_row, no_refresh}), traffic);
  EXPECT_EQ(result.write.most, 0u);
  EXPECT_EQ(result.write.requests, 20u);
  EXPECT_EQ(commands(result, "write"), 20u);
  EXPECT_EQ(result.cycles, 19u * 100 + 16 + 4);  // the last one at once, into an open row: tCWL, burst
  EXPECT_EQ(result.moved_bytes, 20u * 64);
}

TEST(Driver, EnergyIsCommandsTimesTheirEnergyAndTimeTimesBackground) {
  Traffic traffic;
  traffic.requests = 40'000;
  traffic.reads = 2;
  traffic.writes = 1;
  traffic.pattern = Traffic::Pattern::random;
  dram::Parameters parameters = ddr4();
  parameters.energy = {.activate = 4000, .read = 800, .write = 700, .refresh = 60'000, .background_watts = 0.5};
  const TrafficResult result = drive(parameters, traffic);
  const double joules = (4000.0 * commands(result, "activate") + 800.0 * commands(result, "read") +
                         700.0 * commands(result, "write") + 60'000.0 * commands(result, "refresh")) *
                            1e-12 +
                        0.5 * result.seconds();
  EXPECT_NEAR(result.energy(), joules, 1e-12 * joules);
  EXPECT_NEAR(result.joules_per_bit(), joules / (40'000 * 512), 1e-20);
  EXPECT_EQ(commands(result, "read") + commands(result, "write") + result.forwarded, 40'000u);
}

/// What a controller makes of everything at once, pushed at cycle 0: no source can run dry.
TrafficResult all_at_once(const dram::Parameters& parameters, const Traffic& traffic) {
  dram::Dram dram(parameters, true);
  const auto source = make_source(traffic, parameters.organization.capacity());
  std::uint64_t number = 0;
  for (; const auto access = source->next(); ++number) {
    dram.push(number, access->address, traffic.bytes, access->write, {}, access->cycle.value_or(0));
  }
  std::vector<dram::Served> served;
  std::vector<dram::Transfer> transfers;
  for (dram::Controller& controller : dram.controllers()) controller.advance(100 * number + 5000, served, transfers);
  TrafficResult result;
  for (const auto& transfer : transfers) result.cycles = std::max(result.cycles, transfer.to);
  for (const auto& each : served) result.cycles = std::max(result.cycles, each.last);
  for (const dram::Controller& controller : dram.controllers()) {
    EXPECT_TRUE(controller.idle());
    result.moved_bytes += (controller.statistics().reads + controller.statistics().writes) * 64;
    result.commands.emplace_back("activate", controller.statistics().activates);
  }
  return result;
}

RC_GTEST_PROP(Driver, NoControllerRunsDry, ()) {
  Traffic traffic;
  traffic.pattern =
      *rc::gen::element(Traffic::Pattern::sequential, Traffic::Pattern::random, Traffic::Pattern::strided);
  traffic.requests = *rc::gen::inRange<std::uint64_t>(1, 12'000);
  traffic.reads = *rc::gen::inRange<std::uint32_t>(0, 3);
  traffic.writes = *rc::gen::inRange<std::uint32_t>(traffic.reads == 0 ? 1 : 0, 3);
  traffic.seed = *rc::gen::arbitrary<std::uint64_t>();
  if (*rc::gen::arbitrary<bool>()) traffic.interval = *rc::gen::inRange<std::uint64_t>(1, 40);
  const std::string order = *rc::gen::element(in_a_row, std::string("mapping.order=[row, column, bank, bank_group]"));
  const dram::Parameters parameters = ddr4({order});
  const TrafficResult result = drive(parameters, traffic), expected = all_at_once(parameters, traffic);
  RC_ASSERT(result.cycles == expected.cycles);
  RC_ASSERT(result.moved_bytes == expected.moved_bytes);
  RC_ASSERT(commands(result, "activate") == expected.commands.front().second);
  RC_ASSERT(result.read.requests + result.write.requests == *traffic.requests);
  std::uint64_t bus = 0;
  for (const auto& [name, cycles] : result.bus_cycles) bus += cycles;
  RC_ASSERT(bus == result.cycles * static_cast<std::uint64_t>(result.channels));
}

RC_GTEST_PROP(Driver, RequestsOfAnySizeAreServedOnceAndWhole, ()) {
  Traffic traffic;
  traffic.pattern =
      *rc::gen::element(Traffic::Pattern::sequential, Traffic::Pattern::random, Traffic::Pattern::strided);
  traffic.requests = *rc::gen::inRange<std::uint64_t>(1, 300);
  traffic.bytes = *rc::gen::inRange<std::uint64_t>(1, 20'000);
  traffic.stride = *rc::gen::inRange<std::uint64_t>(1, 100'000);
  traffic.reads = traffic.writes = 1;
  const int limit = *rc::gen::inRange(0, 4);
  if (limit == 1) traffic.outstanding = *rc::gen::inRange<std::uint64_t>(1, 40);
  if (limit == 2) traffic.interval = *rc::gen::inRange<std::uint64_t>(1, 3000);
  const dram::Parameters parameters = ddr4({"channels=4", "mapping.interleave=256 B", "mapping.xor=row"});
  const TrafficResult result = drive(parameters, traffic);
  RC_ASSERT(result.read.requests + result.write.requests == *traffic.requests);
  RC_ASSERT(result.bytes == *traffic.requests * traffic.bytes);
  RC_ASSERT(result.moved_bytes + result.forwarded * 64 >= result.bytes);
}

TEST(Driver, ATraceOfThePatternIsThePattern) {
  Traffic traffic;
  traffic.pattern = Traffic::Pattern::random;
  traffic.requests = 5000;
  traffic.reads = traffic.writes = 1;
  for (const bool timed : {false, true}) {
    if (timed) traffic.interval = 11;
    std::stringstream requests;
    traffic.requests_out = &requests;
    const TrafficResult pattern = drive(ddr4(), traffic);
    Traffic replay;
    replay.trace = &requests;
    replay.trace_name = "requests";
    const TrafficResult trace = drive(ddr4(), replay);
    EXPECT_EQ(trace.cycles, pattern.cycles);
    EXPECT_EQ(trace.commands, pattern.commands);
    EXPECT_EQ(trace.read.p99, pattern.read.p99);
    EXPECT_EQ(trace.bus_cycles, pattern.bus_cycles);
  }
}

TEST(Driver, EveryCommandIsWrittenInOrder) {
  Traffic traffic;
  traffic.pattern = Traffic::Pattern::random;
  traffic.requests = 3000;
  std::stringstream log;
  traffic.commands_out = &log;
  const TrafficResult result = drive(ddr4({"channels=2", "mapping.interleave=256 B"}), traffic);
  std::string line;
  std::getline(log, line);
  EXPECT_EQ(line, "cycle,command,channel,rank,bank_group,bank,row,column");
  std::getline(log, line);
  EXPECT_TRUE(line.starts_with("0,ACT,")) << line;
  std::uint64_t lines = 1, last = 0, all = 0, channels[2] = {};
  while (std::getline(log, line)) {
    const std::uint64_t cycle = std::stoull(line);
    EXPECT_LE(last, cycle);
    last = cycle;
    ++lines;
    ++channels[line[line.find(',', line.find(',') + 1) + 1] - '0'];
  }
  for (const auto& [name, n] : result.commands) all += n;
  EXPECT_EQ(lines, all);
  EXPECT_GT(channels[0], lines / 3);
  EXPECT_GT(channels[1], lines / 3);
}

TEST(Driver, AnEndlessBacklogInOneChannelDoesNotFillTheHost) {
  // A stride that stays in one of two channels: the other one is never busy, and what is pushed ahead has a bound.
  Traffic traffic;
  traffic.pattern = Traffic::Pattern::strided;
  traffic.stride = 512;
  traffic.requests = 200'000;
  const TrafficResult result = drive(ddr4({"channels=2", "mapping.interleave=256 B"}), traffic);
  EXPECT_EQ(result.read.requests, 200'000u);
  EXPECT_LT(result.bytes_per_second(), result.peak_bytes_per_second / 2);
}

}  // namespace
}  // namespace triad::memory::study
