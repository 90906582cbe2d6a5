#include <fmt/format.h>
#include <gtest/gtest.h>

#include <numeric>

#include "sim/experiment/transfer.hpp"
#include "sim/graph/op.hpp"
#include "support.hpp"

/// What holds of every result of the GPU, whatever the workload.
namespace triad::gpu {
namespace {

template <class Map>
std::uint64_t sum(const Map& map) {
  return std::accumulate(map.begin(), map.end(), std::uint64_t{0},
                         [](std::uint64_t total, const auto& entry) { return total + entry.second; });
}

/// Total of an action over the units whose name begins with `units`.
std::uint64_t actions(const device::RunResult& result, const std::string& units, const std::string& action) {
  std::uint64_t total = 0;
  for (const device::UnitResult& unit : result.units) {
    const auto found = unit.actions.find(action);
    if (unit.name.starts_with(units) && found != unit.actions.end()) total += found->second;
  }
  return total;
}

struct Case {
  std::string preset, workload, precision;
  test::Settings settings = {};
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.workload << " on " << c.preset << " in " << c.precision;
}

class Invariants : public testing::TestWithParam<Case> {
 protected:
  device::Job job_ = test::load(GetParam().workload, {"steps=2", "precision=" + GetParam().precision});
  std::unique_ptr<device::Device> device_ = test::make(GetParam().preset, GetParam().settings);
};

TEST_P(Invariants, Hold) {
  const device::RunResult result = test::run(*device_, job_);

  ASSERT_FALSE(result.units.empty());
  for (const device::UnitResult& unit : result.units) {
    EXPECT_EQ(sum(unit.cycles), unit.total_cycles) << unit.name;
    if (unit.clock_hz == result.clock_hz) {
      EXPECT_EQ(unit.total_cycles, result.cycles) << unit.name;
    } else {
      EXPECT_NEAR(static_cast<double>(unit.total_cycles), result.seconds * unit.clock_hz, 1) << unit.name;
    }
  }
  EXPECT_EQ(sum(result.bound_cycles), result.cycles);

  std::int64_t flops = 0;
  for (const graph::Op& op : job_.graph.ops) flops += graph::flops(job_.graph, op);
  EXPECT_EQ(result.flops, flops * job_.steps);
  EXPECT_LE(result.average_lanes, result.peak_lanes);
  EXPECT_GE(actions(result, "memory.channel", "bytes_moved"), result.read_bytes + result.written_bytes);
  EXPECT_LE(static_cast<double>(actions(result, "memory.channel", "bytes_moved")) / result.seconds,
            result.peak_bytes_per_second);
  const auto program = device_->lower(job_);
  const std::size_t launches = dynamic_cast<const GpuProgram&>(*program).launches.size();
  EXPECT_EQ(actions(result, "frontend", "kernel_launches"), launches * static_cast<std::size_t>(job_.steps));

  double joules = 0;
  for (const device::UnitResult& unit : result.units) joules += unit.energy_joules;
  const Parameters parameters = Parameters::read(test::node(GetParam().preset, GetParam().settings));
  const double watts = parameters.static_watts + parameters.memory.background_watts();
  EXPECT_NEAR(*result.energy_joules, joules, 1e-9 * *result.energy_joules);
  EXPECT_EQ(result.units.back().name, "static");
  EXPECT_NEAR(result.units.back().energy_joules, watts * result.seconds, 1e-9 * joules);
  EXPECT_GE(*result.peak_power_watts, *result.average_power_watts);

  ASSERT_EQ(result.ops.size(), launches);
  std::uint64_t end = 0;
  for (const device::OpResult& op : result.ops) {
    EXPECT_GE(op.begin_cycle, end) << op.name << " begins before its predecessor has ended";
    EXPECT_LT(op.begin_cycle, op.end_cycle) << op.name;
    end = op.end_cycle;
    EXPECT_EQ(op.array_cycles.has_value(), op.kind == "matmul") << op.name;
  }
  EXPECT_LE(end, result.cycles);
  EXPECT_EQ(result.loss.size(), static_cast<std::size_t>(job_.steps));
}

TEST_P(Invariants, TwoRunsGiveTheSameBytes) {
  const auto program = device_->lower(job_), again = device_->lower(job_);
  EXPECT_EQ(program->disassembly(), again->disassembly());
  device::RunResult first = test::run(*device_, *program, job_), second = test::run(*device_, *again, job_);
  first.host_seconds = second.host_seconds = 0;
  EXPECT_EQ(experiment::encode(first), experiment::encode(second));
}

/// Checks look on: with and without them a run is the same.
TEST_P(Invariants, ChecksChangeNothing) {
  const auto program = device_->lower(job_);
  device::RunResult with = test::run(*device_, *program, job_),
                    without = test::run(*device_, *program, job_, {.check = false});
  with.host_seconds = without.host_seconds = 0;
  EXPECT_EQ(experiment::encode(with), experiment::encode(without));
}

INSTANTIATE_TEST_SUITE_P(
    Workloads, Invariants,
    testing::Values(Case{"a100", "linear", "fp32"}, Case{"a100", "dense-relu", "bf16"}, Case{"a100", "mlp", "fp32"},
                    Case{"tiny", "linear", "fp32"}, Case{"tiny", "dense-relu", "bf16"},
                    Case{"tiny", "dense-relu", "fp32", {"memory.clock=333 MHz", "clock=777 MHz", "memory.credits=1"}}),
    [](const auto& info) {
      std::string name = info.param.preset + "_" + info.param.workload + "_" + info.param.precision;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name + (info.param.settings.empty() ? "" : fmt::format("_{}", info.index));
    });

/// A product alone, any shape: 1, primes, larger than every tile.
device::Job product(std::int64_t m, std::int64_t n, std::int64_t k, bool ta, bool tb) {
  device::Job job;
  job.name = "product";
  const auto input = [&](graph::Shape shape) {
    const graph::TensorId id = job.graph.add_tensor({"input", shape, numerics::Format::fp32, graph::Role::input});
    job.batches[id] = {device::HostTensor::zeros(shape)};
    return id;
  };
  const graph::TensorId a = input(ta ? graph::Shape{k, m} : graph::Shape{m, k});
  const graph::TensorId b = input(tb ? graph::Shape{n, k} : graph::Shape{k, n});
  job.graph.add_op(graph::OpKind::matmul, "product", {a, b}, {{"transpose_a", ta}, {"transpose_b", tb}});
  return job;
}

TEST(Macs, CountedAreThoseLowered) {
  const auto device = test::make("tiny");
  const std::int64_t shapes[][3] = {{1, 1, 1}, {17, 5, 3}, {64, 64, 33}, {31, 97, 13}, {130, 70, 16}};
  int flags = 0;
  for (const auto& [m, n, k] : shapes) {
    const device::Job job = product(m, n, k, (flags & 1) != 0, (flags & 2) != 0);
    ++flags;
    const auto program = device->lower(job);
    const PlannedLaunch& launch = dynamic_cast<const GpuProgram&>(*program).launches.at(0);
    const device::RunResult result = test::run(*device, *program, job);
    EXPECT_EQ(actions(result, "sm", "mac_fp32"), static_cast<std::uint64_t>(launch.macs)) << m << " " << n << " " << k;
    EXPECT_GE(launch.macs, m * n * k);
  }
}

/// The SMs run ahead of the chip by as much as the chip's latencies allow, and that is not to be seen: a product in one
/// wave of blocks does not depend on block_latency, which bounds how far they may run ahead.
TEST(Horizon, IsNotToBeSeen) {
  const device::Job job = product(128, 128, 64, false, true);
  std::vector<std::vector<std::byte>> encoded;
  std::vector<std::uint64_t> cycles;
  for (const std::string latency : {"1", "2", "7", "20"}) {
    const device::RunResult result = test::run(*test::make("a100", {"launch.block_latency=" + latency}), job);
    cycles.push_back(result.cycles);
    std::uint64_t busy = 0;
    for (const device::UnitResult& unit : result.units)
      busy += unit.cycles.contains("memory") ? unit.cycles.at("memory") : 0;
    cycles.push_back(busy);
  }
  for (std::size_t i = 2; i < cycles.size(); ++i) EXPECT_EQ(cycles[i], cycles[i - 2]);
}

/// gpu_small_kernel_measured.csv: 65,536 bytes in a stream of kernels, 2.62 us a kernel on an A100, 2.43 us on an H200;
/// the launch latency of the presets is calibrated to it.
TEST(Calibration, SmallKernelsTakeWhatWasMeasured) {
  for (const auto& [preset, microseconds] : {std::pair{"a100", 2.62}, std::pair{"h200", 2.43}}) {
    device::Job job;
    job.name = "stream";
    const graph::Shape shape = {8192};  // 32 KiB read, 32 KiB written
    const graph::TensorId x = job.graph.add_tensor({"x", shape, numerics::Format::fp32, graph::Role::input});
    job.batches[x] = {device::HostTensor::zeros(shape)};
    job.graph.add_op(graph::OpKind::scale, "scale", {x}, {{"factor", 2.0}});
    job.steps = 10;
    const device::RunResult result = test::run(*test::make(preset), job);
    EXPECT_EQ(result.read_bytes + result.written_bytes, 32768u);  // of the first step: the L2 has the rest
    EXPECT_NEAR(result.seconds / 10 * 1e6, microseconds, 0.03 * microseconds) << preset;
  }
}

}  // namespace
}  // namespace triad::gpu
