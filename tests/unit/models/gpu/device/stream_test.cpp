#include <fmt/format.h>
#include <gtest/gtest.h>

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
  constexpr std::int64_t small = 1 << 22, large = 1 << 23;  // both more than an L2 holds
  const device::RunResult less = test::run(*device, triad_of(small), {.check = false});
  const device::RunResult more = test::run(*device, triad_of(large), {.check = false});
  EXPECT_EQ(more.read_bytes, 8u * large);
  EXPECT_GT(more.written_bytes + (40u << 20), 4u * large);  // the rest is in the L2
  EXPECT_LT(more.written_bytes, 4u * large);
  return 12.0 * static_cast<double>(large - small) / (more.seconds - less.seconds);
}

/// gpu_stream_measured.csv: triad at full occupancy.
TEST(Stream, TriadReachesWhatWasMeasured) {
  for (const auto& [preset, measured] : {std::pair{"v100", 814e9}, std::pair{"a100", 1759e9}}) {
    EXPECT_NEAR(bandwidth(preset), measured, 0.05 * measured) << preset;
  }
}

}  // namespace
}  // namespace triad::gpu
