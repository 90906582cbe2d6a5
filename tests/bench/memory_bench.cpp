// How fast the DRAM model is: requests (or 64-byte columns of long ranges) per host second, all channels of a preset on
// one core, with every timing parameter, refresh and queues. The aim: at least 10 million sequential and 3 million
// random requests, 50 million columns of long ranges a second.
#include <benchmark/benchmark.h>

#include "models/memory/dram/dram.hpp"
#include "sim/config/node.hpp"

namespace {

using namespace triad::memory::dram;

/// configs/memory/NAME.yaml.
Parameters preset(const std::string& name) {
  return Parameters::read(triad::config::load(triad::config::presets() / "memory" / (name + ".yaml")));
}

/// Pushes requests of `bytes` at addresses that `address` gives, as many at once as the queues hold columns.
template <class Address>
void drive(benchmark::State& state, const Parameters& parameters, std::uint64_t bytes, const Address& address) {
  Dram dram(parameters, false);
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  const std::uint64_t columns = bytes / parameters.organization.access_bytes();
  const auto channels = static_cast<std::uint64_t>(parameters.organization.controllers());
  const std::uint64_t batch = std::max<std::uint64_t>(1, 64 * channels / columns);
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
  const double seconds = static_cast<double>(now) / static_cast<double>(parameters.clock_hz);
  state.counters["of_peak"] = static_cast<double>(id * bytes) / seconds / parameters.peak_bandwidth();
}

std::uint64_t scramble(std::uint64_t x) {  // SplitMix64's finaliser (Steele et al., OOPSLA 2014)
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

void sequential_requests(benchmark::State& state, const std::string& name) {
  drive(state, preset(name), 64, [](std::uint64_t i) { return i * 64; });
}
void random_requests(benchmark::State& state, const std::string& name) {
  drive(state, preset(name), 64, [](std::uint64_t i) { return scramble(i) & ((1ull << 33) - 64); });
}
void long_ranges(benchmark::State& state, const std::string& name) {
  drive(state, preset(name), 1 << 20, [](std::uint64_t i) { return i << 20; });
}
BENCHMARK_CAPTURE(sequential_requests, ddr4, "ddr4-3200");
BENCHMARK_CAPTURE(random_requests, ddr4, "ddr4-3200");
BENCHMARK_CAPTURE(long_ranges, ddr4, "ddr4-3200");
BENCHMARK_CAPTURE(sequential_requests, hbm2, "hbm2");
BENCHMARK_CAPTURE(random_requests, hbm2, "hbm2");
BENCHMARK_CAPTURE(long_ranges, hbm2, "hbm2");

}  // namespace
