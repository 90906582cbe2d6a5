#include <fmt/format.h>
#include <gtest/gtest.h>

#include "models/kit/outcome.hpp"
#include "models/kit/simulation.hpp"
#include "models/memory/memory.hpp"
#include "sim/graph/op.hpp"
#include "support.hpp"

/// What streams through the DRAM of a GPU, against measurements.
namespace triad::gpu {
namespace {

/// a[i] = b[i] + s c[i] over n fp32 elements.
device::Job triad_of(std::int64_t n) {
  device::Job job;
  job.name = "triad";
  job.values = false;
  const auto input = [&](const char* name) {
    const graph::TensorId id = job.graph.add_tensor({name, {n}, numerics::Format::fp32, graph::Role::input});
    device::HostTensor batch;
    batch.shape = {n};
    job.batches[id] = {batch};
    return id;
  };
  const graph::TensorId b = input("b"), c = input("c");
  const graph::TensorId scaled = job.graph.add_op(graph::OpKind::scale, "scale", {c}, {{"factor", 3.0}}).front();
  job.graph.add_op(graph::OpKind::add, "triad", {b, scaled});
  return job;
}

/// Bytes per second between two sizes: without what launch, first and last access cost.
double bandwidth(const std::string& preset) {
  const auto device = test::make(preset);
  constexpr std::int64_t small = 1 << 20, large = 1 << 22;
  const device::RunResult less = test::run(*device, triad_of(small), {.check = false});
  const device::RunResult more = test::run(*device, triad_of(large), {.check = false});
  EXPECT_EQ(more.read_bytes + more.written_bytes, 12u * large);
  return 12.0 * static_cast<double>(large - small) / (more.seconds - less.seconds);
}

/// gpu_stream_measured.csv: triad at full occupancy.
TEST(Stream, TriadReachesWhatWasMeasured) {
  for (const auto& [preset, measured] : {std::pair{"v100", 814e9}, std::pair{"a100", 1759e9}}) {
    EXPECT_NEAR(bandwidth(preset), measured, 0.05 * measured) << preset;
  }
}

/// gpu_latency_measured.csv: a pointer chase beyond the caches, in cycles at the clock at which it was measured. The
/// chase comes back to a bank long after its last refresh has closed it.
TEST(Latency, OfAnUnloadedMemoryIsWhatWasMeasured) {
  struct Measured {
    const char* preset;
    double hz, cycles;
  };
  kit::begin_elaboration();
  for (const Measured& m : {Measured{"v100", 1380e6, 428}, {"a100", 1410e6, 572}, {"h100", 1755e6, 652}}) {
    const Parameters parameters = Parameters::read(test::node(m.preset));
    activity::Recorder recorder(parameters.clock_hz, 0);
    const activity::Technology technology = kit::load_technology(test::node(m.preset));
    memory::Memory memory(m.preset, parameters.memory, recorder, technology, true);
    const kit::Time begin = kit::now();
    kit::Time end = 0;
    memory.accept({.address = 1 << 20, .row_bytes = 32}, [&end](const memory::Completion& c) { end = c.last; });
    kit::simulate({&memory}, memory.clock(), {}, [] { return true; });
    const double cycles = static_cast<double>(end - begin) * 1e-15 * m.hz + parameters.sm.global_latency_cycles;
    EXPECT_NEAR(cycles, m.cycles, 0.01 * m.cycles) << m.preset;
  }
}

}  // namespace
}  // namespace triad::gpu
