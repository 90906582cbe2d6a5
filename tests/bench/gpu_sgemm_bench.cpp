#include <benchmark/benchmark.h>

#include <random>

#include "models/gpu/gpu.hpp"
#include "sim/config/node.hpp"
#include "sim/graph/op.hpp"

/// A tiled SGEMM of 256 x 256 x 256 on an A100, values on, on one core of the host: warp instructions per second. One
/// iteration, as SystemC allows one elaboration per process.
namespace triad::gpu {
namespace {

void sgemm_256(benchmark::State& state) {
  const graph::Shape shape = {256, 256};
  std::mt19937 engine(1);
  device::Job job;
  job.name = "sgemm";
  std::vector<graph::TensorId> operands;
  for (int i = 0; i < 2; ++i) {
    std::vector<float> values(256 * 256);
    for (float& v : values) v = static_cast<float>(engine() >> 8) * 0x1p-24f - 0.5f;
    operands.push_back(job.graph.add_tensor({"operand", shape, numerics::Format::fp32, graph::Role::input}));
    job.batches[operands.back()] = {device::HostTensor::of(shape, values)};
  }
  job.graph.add_op(graph::OpKind::matmul, "sgemm", operands);
  const auto device = architecture().make(config::load(config::presets() / "gpu" / "a100.yaml"));
  const auto program = device->lower(job);

  std::uint64_t instructions = 0, cycles = 0;
  for (auto _ : state) {
    const device::RunResult result = device->run(*program, job, {});
    for (const device::UnitResult& unit : result.units) {
      const auto found = unit.actions.find("warp_instructions");
      if (found != unit.actions.end()) instructions += found->second;
    }
    cycles += result.cycles;
  }
  state.counters["warp_instructions/s"] =
      benchmark::Counter(static_cast<double>(instructions), benchmark::Counter::kIsRate);
  state.counters["warp_instructions"] = static_cast<double>(instructions);
  state.counters["simulated_cycles"] = static_cast<double>(cycles);
}
BENCHMARK(sgemm_256)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace triad::gpu
