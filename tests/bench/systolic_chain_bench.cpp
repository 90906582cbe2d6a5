#include <benchmark/benchmark.h>

#include <vector>

#include "sim/numerics/systolic_chain.hpp"

namespace {

using namespace triad::numerics;

/// A 1024 x 1024 x 1024 product as a 128 x 128 matrix unit runs it: 64 tiles of weights, 1024 rows each.
void product_1024(benchmark::State& state) {
  const Simd simd = static_cast<Simd>(state.range(0));
  if (simd > best_simd()) return state.SkipWithError("the host lacks these instructions");
  std::vector<std::uint16_t> rows(1024 * 128), weights(128 * 128);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint16_t>(0x3f00 + i % 256);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::uint16_t>(0xbf00 + i % 251);
  std::vector<float> out(1024 * 128);
  for (auto _ : state) {
    for (int tile = 0; tile < 64; ++tile) {
      systolic_chain(rows.data(), 1024, weights.data(), 128, 128, out.data(), simd);
      benchmark::DoNotOptimize(out.data());
      benchmark::ClobberMemory();
    }
  }
  state.counters["MAC/s"] = benchmark::Counter(1024.0 * 1024 * 1024, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(product_1024)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->ArgName("simd");

}  // namespace
