#include <benchmark/benchmark.h>

#include <vector>

#include "models/tpu/systolic/core.hpp"

namespace {

using namespace triad::systolic;

/// Tiles of weights, each met by `rows` rows; returns the cycle of the last result.
std::uint64_t product(MatrixCore& core, int tiles, int rows, bool values) {
  const std::size_t tile_size = static_cast<std::size_t>(core.rows()) * core.columns();
  const std::vector<std::uint16_t> weights(values ? tile_size : 0, 0x3f81);
  const std::vector<std::uint16_t> activations(values ? static_cast<std::size_t>(rows) * core.rows() : 0, 0x3f01);
  std::uint64_t last = 0;
  for (int tile = 0; tile < tiles; ++tile) {
    core.push_weights({.first_cycle = 0, .values = weights});
    core.push_rows({.first_cycle = 0, .count = rows, .swap = true, .values = activations});
  }
  while (core.next_cycle() != never) {
    core.advance_to(core.next_cycle());
    while (core.next_weights()) continue;
    while (auto done = core.next_rows()) last = done->last_take;
  }
  return last;
}

/// 1024 x 1024 x 1024 on 128 x 128: 64 tiles of 1024 rows.
void model_1024(benchmark::State& state) {
  CoreOptions options;
  options.rows = options.columns = 128;
  std::uint64_t cycles = 0;
  for (auto _ : state) cycles = product(*make_core(options), 64, 1024, state.range(0) != 0);
  state.counters["cycles"] = static_cast<double>(cycles);
}
BENCHMARK(model_1024)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->ArgName("values");

/// Simulated cycles per second of a busy N x N core with values.
void busy_cycles(benchmark::State& state) {
  CoreOptions options;
  options.rows = options.columns = static_cast<int>(state.range(1));
  options.backend = static_cast<Backend>(state.range(0));
  std::uint64_t cycles = 0;
  for (auto _ : state) cycles += product(*make_core(options), 100, 64, true);
  state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}
BENCHMARK(busy_cycles)->ArgsProduct({{0, 1, 2}, {4, 8}})->Unit(benchmark::kMillisecond)->ArgNames({"backend", "side"});

}  // namespace
