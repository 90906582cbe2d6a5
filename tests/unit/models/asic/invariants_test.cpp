#include <fmt/format.h>
#include <gtest/gtest.h>

#include <numeric>

#include "models/memory/parameters.hpp"
#include "sim/activity/spans.hpp"
#include "sim/experiment/transfer.hpp"
#include "sim/graph/op.hpp"
#include "support.hpp"

/// What holds of every result of the ASIC, whatever the workload.
namespace triad::asic {
namespace {

template <class Map>
std::uint64_t sum(const Map& map) {
  return std::accumulate(map.begin(), map.end(), std::uint64_t{0},
                         [](std::uint64_t total, const auto& entry) { return total + entry.second; });
}

struct Case {
  std::string preset, workload, precision;
  test::Settings settings = {};
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.workload << " on " << c.preset << " in " << c.precision;
  for (const std::string& setting : c.settings) *out << " " << setting;
}

class Invariants : public testing::TestWithParam<Case> {
 protected:
  device::Job job_ = test::load(GetParam().workload, {"steps=5", "precision=" + GetParam().precision});
  std::unique_ptr<device::Device> device_ = test::make(GetParam().preset, GetParam().settings);

  /// Total of an action over the units whose name begins with `units`.
  static std::uint64_t actions(const device::RunResult& result, const std::string& units, const std::string& action) {
    std::uint64_t total = 0;
    for (const device::UnitResult& unit : result.units) {
      const auto found = unit.actions.find(action);
      if (unit.name.starts_with(units) && found != unit.actions.end()) total += found->second;
    }
    return total;
  }
};

TEST_P(Invariants, Hold) {
  const device::RunResult result = test::run(*device_, job_);

  // Cycle stacks: every unit is in one state in every cycle of the run, counted in its own clock.
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
  EXPECT_GT(result.bound_cycles.at(result.bound_by), 0u);

  // MACs counted = MACs lowered; FLOPs are the graph's.
  std::int64_t macs = 0, flops = 0;
  for (const graph::Op& op : job_.graph.ops) {
    flops += graph::flops(job_.graph, op);
    if (graph::is_contraction(op.kind)) macs += graph::flops(job_.graph, op) / 2;
  }
  const std::int64_t passes = GetParam().precision == "bf16" ? 1 : 6;
  EXPECT_EQ(actions(result, "mac", "mac_bf16"), static_cast<std::uint64_t>(macs * passes * job_.steps));
  EXPECT_EQ(result.flops, flops * job_.steps);
  EXPECT_LT(static_cast<double>(result.flops) / result.seconds, result.peak_flops_per_second * 1.0001);
  EXPECT_LE(result.average_lanes, result.peak_lanes);

  // Channels move whole accesses: at least what was asked for.
  EXPECT_GE(actions(result, "memory.channel", "bytes_moved"), result.read_bytes + result.written_bytes);
  EXPECT_LE(static_cast<double>(actions(result, "memory.channel", "bytes_moved")) / result.seconds,
            result.peak_bytes_per_second);

  // Every layer of the stream was programmed once a step.
  const auto program = device_->lower(job_);
  const std::size_t layers = dynamic_cast<const Program&>(*program).stream.size();
  EXPECT_EQ(actions(result, "command", "layers"), layers * static_cast<std::size_t>(job_.steps));

  // Energy: of the units, and the static power over the run.
  double joules = 0;
  for (const device::UnitResult& unit : result.units) joules += unit.energy_joules;
  const config::Node node =
      config::load(config::presets() / "asic" / (GetParam().preset + ".yaml"), GetParam().settings);
  const double watts =
      Parameters::read(node).static_watts + memory::Parameters::read(node.at("memory")).background_watts();
  EXPECT_NEAR(*result.energy_joules, joules, 1e-9 * *result.energy_joules);
  const device::UnitResult& drawn = result.units.back();
  EXPECT_EQ(drawn.name, "static");
  EXPECT_NEAR(drawn.energy_joules, watts * result.seconds, 1e-9 * drawn.energy_joules);
  EXPECT_NEAR(*result.average_power_watts, *result.energy_joules / result.seconds, 1e-9 * *result.average_power_watts);
  EXPECT_GE(*result.peak_power_watts, *result.average_power_watts);

  // Ops of the last step, in its time.
  ASSERT_FALSE(result.ops.empty());
  for (const device::OpResult& op : result.ops) {
    EXPECT_LT(op.begin_cycle, op.end_cycle) << op.name;
    EXPECT_LE(op.end_cycle, result.cycles) << op.name;
    EXPECT_EQ(op.array_cycles.has_value(), op.kind == "matmul" || op.kind.starts_with("conv2d")) << op.name;
    if (op.array_cycles) {
      EXPECT_LE(*op.array_cycles, op.end_cycle - op.begin_cycle) << op.name;
    }
  }
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
    testing::Values(
        Case{"nvdla-2048-train", "linear", "fp32"}, Case{"nvdla-2048-train", "dense-relu", "bf16"},
        Case{"nvdla-2048-train", "mlp", "fp32"}, Case{"nvdla-2048-train", "mlp", "bf16"},
        Case{"tiny", "linear", "fp32"}, Case{"tiny", "dense-relu", "fp32"}, Case{"tiny", "dense-relu", "bf16"},
        Case{"tiny", "dense-relu", "fp32", {"gemm.buffer={banks: 4, bank: 24 B, latency: 1}", "gemm.accumulators=8"}},
        Case{"tiny", "linear", "bf16", {"memory.clock=333 MHz", "clock=777 MHz", "memory.credits=1"}},
        Case{"tiny", "dense-relu", "bf16", {"command.register_groups=1", "command.prefetch=1"}}),
    [](const auto& info) {
      std::string name = info.param.preset + "_" + info.param.workload + "_" + info.param.precision;
      for (char& c : name) c = c == '-' ? '_' : c;
      return name + (info.param.settings.empty() ? "" : fmt::format("_{}", info.index));
    });

}  // namespace
}  // namespace triad::asic
