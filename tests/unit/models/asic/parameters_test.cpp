#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "sim/experiment/transfer.hpp"
#include "support.hpp"

/// Every parameter of a ASIC does something.
namespace triad::asic {
namespace {

enum class Changes { cycles, energy, nothing };

struct Perturbation {
  std::string value;
  Changes changes = Changes::cycles;
  std::string why = {};  ///< nothing changes
};

const std::map<std::string, Perturbation> perturbations = {
    {"clock", {"900 MHz"}},
    {"technology", {"7nm", Changes::energy}},
    {"command.doorbell", {"1.1 us"}},
    {"command.prefetch", {"1"}},
    {"command.writes_per_cycle", {"2"}},
    {"command.register_groups", {"1"}},
    {"command.done_cycles", {"5"}},
    {"gemm.atomic_k", {"16"}},
    {"gemm.atomic_c", {"32"}},
    {"gemm.mac_cycles", {"8"}},
    {"gemm.accumulate_cycles", {"64"}},
    {"gemm.accumulators", {"512"}},
    {"gemm.loader_lanes", {"1"}},
    {"gemm.buffer.banks", {"4"}},
    {"gemm.buffer.bank", {"8 KiB"}},
    {"gemm.buffer.latency", {"5"}},
    {"pointwise.lanes", {"4"}},
    {"pointwise.functions", {"1"}},
    {"pointwise.special_lanes", {"1"}},
    {"pointwise.latency", {"13"}},
    {"pointwise.accumulate_cycles", {"8"}},
    {"pointwise.operand_ram", {"1 KiB"}},
    {"pointwise.stream_buffer", {"256 B"}},
    {"update.lanes", {"1"}},
    {"update.functions", {"1"}},
    {"update.special_lanes", {"1"}},
    {"update.latency", {"13"}},
    {"update.operand_ram", {"64 B", Changes::nothing, "the scalars of an optimizer fit into the least there can be"}},
    {"update.stream_buffer", {"256 B"}},
    {"reshape.lanes", {"1"}},
    {"reshape.latency", {"9"}},
    {"reshape.stream_buffer", {"256 B"}},
    {"pooling.lanes", {"1"}},
    {"pooling.latency", {"13"}},
    {"pooling.line_buffer",
     {"4 KiB", Changes::nothing, "it only bounds what can be run; WhatDoesNotFitIsAnError covers the bound"}},
    {"pooling.stream_buffer", {"256 B"}},
    {"indexed.lanes", {"1"}},
    {"indexed.latency", {"9"}},
    {"indexed.stream_buffer", {"256 B"}},
    {"burst", {"128 B"}},
    {"power.static", {"76 mW", Changes::energy}},
    {"memory.latency", {"70 ns"}},
    {"memory.credits", {"1"}},
};

void leaves(const config::Node& node, const std::string& path, std::vector<std::string>& out) {
  if (!node.is_map()) {
    // What a memory's preset says is not the device's: tests/unit/models/memory.
    if (node.where().find("configs/asic/") != std::string::npos) out.push_back(path);
    return;
  }
  for (const std::string& key : node.keys()) leaves(node.at(key), path.empty() ? key : path + "." + key, out);
}

TEST(Parameters, EachChangesAResult) {
  std::vector<std::string> paths;
  leaves(config::load(config::presets() / "asic/nvdla-2048-train.yaml"), "", paths);
  // Between them they use every engine.
  const std::vector<device::Job> jobs = {test::load("bert-base-mini", {"steps=2"}),
                                         test::load("resnet-50-mini", {"steps=1"})};
  std::vector<std::unique_ptr<device::Device>> devices;
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  // Over ideal channels: two runs that differ by little meet again behind the next refresh of a DRAM.
  const auto add = [&](test::Settings settings) {
    settings.push_back("memory.kind=ideal");
    devices.push_back(test::make("nvdla-2048-train", settings));
    for (const device::Job& job : jobs) {
      programs.push_back(devices.back()->lower(job));
      tasks.push_back(test::task(*devices.back(), *programs.back(), job, {}));
    }
  };
  add({});
  for (const std::string& path : paths) {
    ASSERT_TRUE(perturbations.contains(path)) << path << " is new: add it to this test";
    const Perturbation& change = perturbations.at(path);
    EXPECT_EQ(change.changes == Changes::nothing, !change.why.empty());
    add({path + "=" + change.value});
  }
  EXPECT_EQ(paths.size(), perturbations.size()) << "this test names a parameter that the preset does not have";
  const auto results = experiment::run_in_children(tasks, false);
  const std::size_t count = jobs.size();
  for (std::size_t i = 0; i < paths.size(); ++i) {
    bool slower = false, hungrier = false, same = true;
    for (std::size_t j = 0; j < count; ++j) {
      device::RunResult a = results[(i + 1) * count + j], b = results[j];
      slower |= a.seconds != b.seconds;
      hungrier |= a.energy_joules != b.energy_joules;
      a.host_seconds = b.host_seconds = 0;
      same &= experiment::encode(a) == experiment::encode(b);
    }
    switch (perturbations.at(paths[i]).changes) {
      case Changes::cycles:
        EXPECT_TRUE(slower) << paths[i];
        break;
      case Changes::energy:
        EXPECT_FALSE(slower) << paths[i];
        EXPECT_TRUE(hungrier) << paths[i];
        break;
      case Changes::nothing:
        EXPECT_TRUE(same) << paths[i] << " does change something";
    }
  }
}

void expect_unsupported(const test::Settings& settings, const std::string& workload, const test::Settings& changes,
                        const std::string& message) {
  try {
    test::make("tiny", settings)->lower(test::load(workload, changes));
    FAIL() << "no error";
  } catch (const device::Unsupported& error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST(Parameters, WhatDoesNotFitIsAnError) {
  expect_unsupported({"memory.capacity=1 KiB"}, "linear", {}, "B of device memory");
  expect_unsupported({"memory.capacity=1 KiB"}, "linear", {}, "the device has 1024 B");
  // what a row of the loss keeps until its end: maximum, sums, class, and what follows from them
  expect_unsupported(
      {"pointwise.operand_ram=32 B"}, "mlp", {"input.shape=[4, 6]", "layers.0.out_features=3"},
      "loss.samples: cross_entropy: a row keeps 48 B, the operand RAM of the pointwise engine holds 32 B");
}

TEST(Parameters, OtherPrecisionsAreErrors) {
  device::Job job = test::load("linear");
  job.precision = numerics::Format::fp16;
  EXPECT_THROW(test::make("tiny")->lower(job), device::Unsupported);
}

TEST(Parameters, SizesThatCannotBe) {
  for (const char* setting :
       {"gemm.atomic_c=6", "gemm.accumulators=3", "gemm.buffer.bank=20 B", "gemm.buffer.bank=16 B", "pointwise.lanes=3",
        "burst=30 B", "burst=512 B", "pointwise.operand_ram=8 B", "clock=0.3 Hz", "gemm.buffer.banks=2"}) {
    EXPECT_THROW(test::make("tiny", {setting}), config::Error) << setting;
  }
}

TEST(Parameters, PeakFlops) {
  const auto device = test::make("nvdla-2048-train");
  // 32 x 64 MACs x 2 x 1 GHz; six passes for an fp32 product
  EXPECT_DOUBLE_EQ(device->peak_flops(numerics::Format::bf16), 32 * 64 * 2 * 1e9);
  EXPECT_DOUBLE_EQ(device->peak_flops(numerics::Format::fp32), 32 * 64 * 2 * 1e9 / 6);
  EXPECT_EQ(device->peak_flops(numerics::Format::fp16), 0);
}

}  // namespace
}  // namespace triad::asic
