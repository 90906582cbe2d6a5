#include <fmt/format.h>
#include <gtest/gtest.h>

#include "../single_op.hpp"
#include "support.hpp"

/// Layers of ResNet-50 whose convolution is a product of matrices (1 x 1, stride 1), against the array cycles of
/// NVDLA's own performance workbook (nvdla/hw, perf/NVDLA_OpenSource_Performance.xlsx, sheet ResNet50, 2048 MACs): P Q
/// K C / 2048.
namespace triad::asic {
namespace {

struct WorkbookLayer {
  const char* name;
  std::int64_t positions, kernels, channels;  ///< P x Q, K, C
  std::uint64_t mac_cycles;
};

constexpr WorkbookLayer layers[] = {{"Res2a_branch1", 56 * 56, 256, 64, 25088},
                                    {"Res2b_branch2a", 56 * 56, 64, 256, 25088},
                                    {"Res3b_branch2a", 28 * 28, 128, 512, 25088},
                                    {"Res4b_branch2a", 14 * 14, 256, 1024, 25088}};

device::Job product(const WorkbookLayer& layer) {
  test::SingleOp op(numerics::Format::bf16);
  test::Values values(1);
  const auto make = [&](std::int64_t rows, std::int64_t columns) {
    return op.input({rows, columns}, values.many(static_cast<std::size_t>(rows * columns)), numerics::Format::bf16);
  };
  // kernels as convolutions store them: channels inside
  const auto a = make(layer.positions, layer.channels), b = make(layer.kernels, layer.channels);
  op.keep(op.op(graph::OpKind::matmul, {a, b}, {{"transpose_b", true}})[0]);
  op.job.name = layer.name;
  return op.job;
}

TEST(NvdlaWorkbook, BusyCyclesOfTheArray) {
  for (const WorkbookLayer& layer : layers) {
    const device::RunResult result = test::run(*test::make("nvdla-2048-train"), product(layer), {});
    for (const device::UnitResult& unit : result.units) {
      if (unit.name == "mac") {
        EXPECT_EQ(unit.cycles.at("busy"), layer.mac_cycles) << layer.name;
      }
    }
  }
}

/// With a memory and data paths that are never the limit the whole layer takes little more: filling and draining.
TEST(NvdlaWorkbook, WithoutLimitsOfMemoryALayerTakesItsArrayCycles) {
  const test::Settings unlimited = {"memory.kind=ideal",
                                    "memory.bandwidth=4 TB/s",
                                    "memory.latency=1 ns",
                                    "memory.credits=1024",
                                    "gemm.loader_lanes=256",
                                    "pointwise.lanes=256",
                                    "command.doorbell=1 ns",
                                    "burst=4 KiB",
                                    "pointwise.stream_buffer=64 KiB",
                                    "update.stream_buffer=64 KiB",
                                    "reshape.stream_buffer=64 KiB",
                                    "pooling.stream_buffer=64 KiB",
                                    "indexed.stream_buffer=64 KiB"};
  for (const WorkbookLayer& layer : layers) {
    const device::RunResult result = test::run(*test::make("nvdla-2048-train", unlimited), product(layer), {});
    const double ratio = static_cast<double>(result.cycles) / static_cast<double>(layer.mac_cycles);
    EXPECT_GE(ratio, 1) << layer.name;
    EXPECT_LE(ratio, 1.2) << layer.name;
    testing::Test::RecordProperty(layer.name, fmt::format("{:.3f}", ratio));
  }
}

/// Convolutions with larger kernels and strides, as conv2d without values: P Q K C R S / 2048.
TEST(NvdlaWorkbook, BusyCyclesOfConvolutions) {
  struct Convolution {
    const char* name;
    std::int64_t size, channels, kernels, kernel, stride;
    std::uint64_t mac_cycles;
  };
  for (const Convolution& c : {Convolution{"Res2a_branch2b", 56, 64, 64, 3, 1, 56448},
                               {"Res3a_branch1", 56, 256, 512, 1, 2, 50176},
                               {"Res4a_branch2b", 14, 256, 256, 3, 1, 56448}}) {
    device::Job job;
    job.name = c.name;
    job.values = false;
    job.precision = numerics::Format::bf16;
    const auto input = [&](const graph::Shape& shape) {
      return job.graph.add_tensor({"x", shape, numerics::Format::bf16, graph::Role::input});
    };
    const std::int64_t padding = c.kernel / 2;
    job.graph.add_op(graph::OpKind::conv2d, "conv",
                     {input({1, c.channels, c.size, c.size}), input({c.kernels, c.channels, c.kernel, c.kernel})},
                     {{"stride", std::vector<std::int64_t>{c.stride, c.stride}},
                      {"padding", std::vector<std::int64_t>{padding, padding}}});
    const device::RunResult result = test::run(*test::make("nvdla-2048-train"), job, {});
    const auto mac = std::ranges::find(result.units, "mac", &device::UnitResult::name);
    EXPECT_EQ(mac->cycles.at("busy"), c.mac_cycles) << c.name;
  }
}

}  // namespace
}  // namespace triad::asic
