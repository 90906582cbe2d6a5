#include <benchmark/benchmark.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <ctime>

#include "models/kit/unit.hpp"
#include "models/tpu/tpu.hpp"
#include "sim/config/node.hpp"
#include "sim/graph/op.hpp"

/// A product with values on one 128 x 128 matrix unit, from device memory to device memory. SystemC elaborates once in
/// a process, so every iteration is a child of its own; the time is the
/// child's inside Device::run; processor_ms, which a busy host disturbs less, is the child's whole processor time.
namespace triad::tpu {
namespace {

using graph::Role;
using numerics::Format;

device::Job product(std::int64_t side, Format format) {
  device::Job job;
  job.name = "product";
  job.precision = format;
  const graph::Shape shape = {side, side};
  const auto count = static_cast<std::size_t>(side * side);
  std::vector<graph::TensorId> operands;
  for (const std::uint32_t factor : {2654435761u, 2246822519u}) {
    const auto id = job.graph.add_tensor({"operand", shape, format, Role::input});
    device::HostTensor tensor = device::HostTensor::zeros(shape, format);
    for (std::size_t i = 0; i < count; ++i) {
      const float value = static_cast<float>(static_cast<std::uint32_t>(i) * factor >> 8) * 0x1p-23f - 1.0f;
      if (format == Format::bf16) {
        const std::uint16_t bits = numerics::bf16_bits(value);
        std::memcpy(tensor.bytes.data() + 2 * i, &bits, sizeof bits);
      } else {
        std::memcpy(tensor.bytes.data() + 4 * i, &value, sizeof value);
      }
    }
    job.batches[id] = {tensor};
    operands.push_back(id);
  }
  const auto result = job.graph.add_op(graph::OpKind::matmul, "product", operands)[0];
  const auto kept = job.graph.add_tensor({"kept", shape, Format::fp32, Role::parameter});
  job.initial[kept] = device::HostTensor::zeros(shape);
  job.graph.updates.push_back({kept, result});  // so that the result must reach device memory
  return job;
}

struct Measured {
  double seconds = 0, processor_seconds = 0;
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
    timespec processor{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &processor);  // of the child, which began with zero
    const double processor_seconds =
        static_cast<double>(processor.tv_sec) + static_cast<double>(processor.tv_nsec) * 1e-9;
    const Measured measured{taken.count(), processor_seconds, result.cycles, kit::Unit::activations()};
    const bool sent = ::write(ends[1], &measured, sizeof measured) == sizeof measured;
    ::_exit(sent ? 0 : 1);
  }
  ::close(ends[1]);
  Measured measured;
  if (::read(ends[0], &measured, sizeof measured) != sizeof measured) measured = {};
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return measured;
}

void product(benchmark::State& state, Format format) {
  const config::Node node = config::load(config::presets() / "tpu/tpu-v3.yaml", {"mxu.count=1"});
  const auto device = architecture().make(node);
  const device::Job job = product(state.range(0), format);
  const auto program = device->lower(job);
  Measured last;
  for (auto _ : state) {
    last = run_in_child(*device, *program, job);
    if (last.cycles == 0) return state.SkipWithError("the run failed");
    state.SetIterationTime(last.seconds);
  }
  state.counters["processor_ms"] = last.processor_seconds * 1e3;
  state.counters["cycles"] = static_cast<double>(last.cycles);
  state.counters["events_per_cycle"] = static_cast<double>(last.activations) / static_cast<double>(last.cycles);
  state.counters["cycles_per_second"] = static_cast<double>(last.cycles) / last.seconds;
}

BENCHMARK_CAPTURE(product, bf16, Format::bf16)->Arg(256)->Arg(1024)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(product, fp32, Format::fp32)->Arg(1024)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace triad::tpu
