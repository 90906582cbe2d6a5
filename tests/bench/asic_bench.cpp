#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "models/asic/asic.hpp"
#include "models/kit/unit.hpp"
#include "sim/config/node.hpp"
#include "sim/graph/op.hpp"

/// What the simulator of the ASIC costs: a product through loaders, array and delivery buffer, and a softmax through
/// the microprogrammed engine, on the machine of 2048 MACs, without values. SystemC elaborates once in a process, so
/// every iteration is a child of its own; the time is the child's inside Device::run.
namespace triad::asic {
namespace {

using graph::Role;
using numerics::Format;

device::Job job_of(graph::OpKind kind, const std::vector<graph::Shape>& shapes, Format format,
                   graph::Attributes attributes = {}) {
  device::Job job;
  job.name = graph::to_string(kind);
  job.precision = Format::bf16;
  job.values = false;
  std::vector<graph::TensorId> operands;
  for (const graph::Shape& shape : shapes) operands.push_back(job.graph.add_tensor({"x", shape, format, Role::input}));
  job.graph.add_op(kind, "op", operands, std::move(attributes));
  return job;
}

struct Measured {
  double seconds = 0;
  std::uint64_t cycles = 0, activations = 0;
};

Measured run_in_child(const device::Device& device, const device::Program& program, const device::Job& job) {
  int ends[2];
  if (::pipe(ends) != 0) return {};
  const pid_t child = ::fork();
  if (child == 0) {
    const auto begin = std::chrono::steady_clock::now();
    const device::RunResult result = device.run(program, job, {});
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    const Measured measured{taken.count(), result.cycles, kit::Unit::activations()};
    ::_exit(::write(ends[1], &measured, sizeof measured) == sizeof measured ? 0 : 1);
  }
  ::close(ends[1]);
  Measured measured;
  if (::read(ends[0], &measured, sizeof measured) != sizeof measured) measured = {};
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return measured;
}

void measure(benchmark::State& state, const device::Job& job) {
  const auto device = architecture().make(config::load(config::presets() / "asic/nvdla-2048-train.yaml"));
  const auto program = device->lower(job);
  Measured last;
  for (auto _ : state) {
    last = run_in_child(*device, *program, job);
    if (last.cycles == 0) return state.SkipWithError("the run failed");
    state.SetIterationTime(last.seconds);
  }
  state.counters["cycles"] = static_cast<double>(last.cycles);
  state.counters["events_per_cycle"] = static_cast<double>(last.activations) / static_cast<double>(last.cycles);
  state.counters["cycles_per_second"] = static_cast<double>(last.cycles) / last.seconds;
}

void product(benchmark::State& state) {
  const std::int64_t side = state.range(0);
  measure(state, job_of(graph::OpKind::matmul, {{side, side}, {side, side}}, Format::bf16));
}
void softmax(benchmark::State& state) {
  measure(state, job_of(graph::OpKind::softmax, {{1024, state.range(0)}}, Format::fp32,
                        {{"axes", std::vector<std::int64_t>{1}}}));
}

BENCHMARK(product)->Arg(256)->Arg(1024)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(softmax)->Arg(128)->Arg(4096)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace triad::asic
