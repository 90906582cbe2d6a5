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
  const std::vector<Measured> measured = {{"v100", 1380e6, 428}, {"a100", 1410e6, 572}, {"h100", 1755e6, 652}};
  kit::begin_elaboration();
  activity::Recorder recorder(1'000'000'000, 0);
  std::vector<std::unique_ptr<memory::Memory>> memories;
  std::vector<kit::Time> ends(measured.size());
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const config::Node node = test::node(measured[i].preset);
    memories.push_back(std::make_unique<memory::Memory>(measured[i].preset, Parameters::read(node).memory, recorder,
                                                        kit::load_technology(node), true));
    memories[i]->accept({.address = 1 << 20, .row_bytes = 32},
                        [&ends, i](const memory::Completion& completion) { ends[i] = completion.last; });
  }
  kit::simulate({memories[0].get()}, memories[0]->clock(), {}, [] { return true; });
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const int sm = Parameters::read(test::node(measured[i].preset)).sm.global_latency_cycles;
    const double cycles = static_cast<double>(ends[i]) * 1e-15 * measured[i].hz + sm;
    EXPECT_NEAR(cycles, measured[i].cycles, 0.01 * measured[i].cycles) << measured[i].preset;
  }
}

}  // namespace
}  // namespace triad::gpu
