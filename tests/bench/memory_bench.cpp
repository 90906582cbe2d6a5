// How fast the DRAM model is: requests (or 64-byte columns of long ranges) per host second, with every timing
// parameter, refresh and queues, one controller at a time. Issue of the memory: at least 10 million sequential and 3
// million random requests, 50 million columns of long ranges.
#include <benchmark/benchmark.h>

#include "models/memory/dram/dram.hpp"

namespace {

using namespace triad::memory::dram;

/// DDR4-3200AA, 8 Gb x8, one rank; timing as in JESD79-4. Bank groups lie below the columns.
Parameters ddr4() {
  Parameters p;
  p.clock_hz = 1'600'000'000;
  p.organization = {.bank_groups = 4, .banks = 4, .rows = 65536, .columns = 128};
  p.timing = {.tBURST = 4,
              .tCL = 22,
              .tCWL = 16,
              .tRCDRD = 22,
              .tRCDWR = 22,
              .tRP = 22,
              .tRAS = 52,
              .tRC = 74,
              .tCCD_S = 4,
              .tCCD_L = 8,
              .tRRD_S = 4,
              .tRRD_L = 8,
              .tFAW = 34,
              .tRTP = 12,
              .tWR = 24,
              .tWTR_S = 4,
              .tWTR_L = 12,
              .tRTW = 12,
              .tRTRS = 2,
              .tREFI = 12480,
              .tRFC = 576};
  p.mapping.interleave = 64;
  p.mapping.order = {{Field::Kind::row}, {Field::Kind::bank}, {Field::Kind::column}, {Field::Kind::bank_group}};
  return p;
}

/// Eight channels of HBM2 at 2 Gb/s: two pseudo channels each, row and column commands on buses of their own.
Parameters hbm2() {
  Parameters p;
  p.clock_hz = 1'000'000'000;
  p.organization = {.channels = 8,
                    .pseudo_channels = 2,
                    .bank_groups = 4,
                    .banks = 4,
                    .rows = 32768,
                    .columns = 32,
                    .bus_bits = 64,
                    .burst_length = 4};
  p.timing = {.tBURST = 2,
              .tCL = 14,
              .tCWL = 5,
              .tRCDRD = 14,
              .tRCDWR = 12,
              .tRP = 14,
              .tRAS = 34,
              .tRC = 48,
              .tCCD_S = 2,
              .tCCD_L = 4,
              .tRRD_S = 4,
              .tRRD_L = 4,
              .tFAW = 16,
              .tRTP = 5,
              .tWR = 16,
              .tWTR_S = 6,
              .tWTR_L = 8,
              .tRTW = 13,
              .tREFI = 3900,
              .tRFC = 260,
              .tRFCpb = 160,
              .tRREFD = 8};
  p.scheduler.dual_command = true;
  p.mapping.interleave = 256;
  p.mapping.order = {{Field::Kind::row}, {Field::Kind::bank}, {Field::Kind::column}, {Field::Kind::bank_group}};
  return p;
}

/// Pushes requests of `bytes` at addresses that `address` gives, as many at once as the queues hold columns.
template <class Address>
void drive(benchmark::State& state, const Parameters& parameters, std::uint64_t bytes, const Address& address) {
  Dram dram(parameters, false);
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  const std::uint64_t columns = bytes / parameters.organization.access_bytes();
  const auto channels = static_cast<std::uint64_t>(parameters.organization.controllers());
  const std::uint64_t batch = std::max<std::uint64_t>(1, 32 * channels / columns);
  std::uint64_t id = 0;
  Cycle now = 0;
  for (auto _ : state) {
    for (std::uint64_t i = 0; i < batch; ++i, ++id) dram.push(id, address(id), bytes, false, {}, now);
    for (Controller& controller : dram.controllers()) {
      while (controller.backlog() > 32) controller.advance(controller.next(), served, transfers);
      now = std::max(now, controller.now());
    }
    for (Controller& controller : dram.controllers()) controller.advance(now, served, transfers);
    served.clear();
    transfers.clear();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(id * columns * parameters.organization.access_bytes() / 64));
  state.counters["of_peak"] =
      static_cast<double>(id * bytes) * static_cast<double>(parameters.clock_hz) /
      (static_cast<double>(now) * static_cast<double>(parameters.organization.access_bytes()) *
       static_cast<double>(channels) * static_cast<double>(parameters.clock_hz) / parameters.timing.tBURST);
}

std::uint64_t scramble(std::uint64_t x) {  // SplitMix64's finaliser (Steele et al., OOPSLA 2014)
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

void ddr4_sequential_requests(benchmark::State& state) {
  drive(state, ddr4(), 64, [](std::uint64_t i) { return i * 64; });
}
void ddr4_random_requests(benchmark::State& state) {
  drive(state, ddr4(), 64, [](std::uint64_t i) { return scramble(i) & ((1ull << 33) - 64); });
}
void ddr4_long_ranges(benchmark::State& state) {
  drive(state, ddr4(), 1 << 20, [](std::uint64_t i) { return i << 20; });
}
void hbm2_sequential_requests(benchmark::State& state) {
  drive(state, hbm2(), 64, [](std::uint64_t i) { return i * 64; });
}
void hbm2_random_requests(benchmark::State& state) {
  drive(state, hbm2(), 64, [](std::uint64_t i) { return scramble(i) & ((1ull << 33) - 64); });
}
void hbm2_long_ranges(benchmark::State& state) {
  drive(state, hbm2(), 1 << 20, [](std::uint64_t i) { return i << 20; });
}
BENCHMARK(ddr4_sequential_requests);
BENCHMARK(ddr4_random_requests);
BENCHMARK(ddr4_long_ranges);
BENCHMARK(hbm2_sequential_requests);
BENCHMARK(hbm2_random_requests);
BENCHMARK(hbm2_long_ranges);

}  // namespace
