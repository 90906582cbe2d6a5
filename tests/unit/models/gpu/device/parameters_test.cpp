#include <gtest/gtest.h>

#include <map>

#include "sim/experiment/transfer.hpp"
#include "support.hpp"

/// Every parameter of a GPU does something.
namespace triad::gpu {
namespace {

enum class Changes { cycles, energy, nothing };

struct Perturbation {
  std::string value;
  Changes changes = Changes::cycles;
  std::string why = {};      ///< nothing changes
  test::Settings with = {};  ///< where the preset leaves it nothing to do
};

const std::map<std::string, Perturbation> perturbations = {
    {"clock", {"1400 MHz"}},
    {"technology", {"16nm", Changes::energy}},
    {"sms", {"50"}},
    {"sm.sub_cores", {"2"}},
    {"sm.warps", {"16", Changes::cycles, "", {"sms=4"}}},
    {"sm.blocks", {"2"}},
    {"sm.registers", {"32768", Changes::cycles, "", {"sms=16"}}},  // enough blocks to fill an SM
    {"sm.register_allocation", {"128", Changes::cycles, "", {"sms=4"}}},
    {"sm.register_banks", {"1"}},
    {"sm.scheduler", {"gto"}},
    {"sm.fp32_lanes", {"8"}},
    {"sm.integer_lanes", {"8"}},
    {"sm.sfu_lanes", {"1"}},
    {"sm.sfu_latency", {"24"}},
    {"sm.barrier_latency", {"3"}},
    {"sm.load_store.queue", {"1"}},
    {"sm.load_store.width", {"32 B"}},
    {"sm.load_store.shared", {"6 KiB"}},
    {"sm.load_store.shared_banks", {"8"}},
    {"sm.load_store.shared_latency", {"24"}},
    {"sm.load_store.global_latency", {"34"}},
    {"launch.latency", {"1.9 us"}},
    {"launch.block_cycles", {"2"}},
    {"launch.block_latency", {"60", Changes::cycles, "", {"sms=4"}}},  // more than one wave of blocks
    {"l2.slices", {"64"}},
    {"l2.slice.size", {"256 KiB"}},
    {"l2.slice.line", {"64 B"}},
    {"l2.slice.sector", {"64 B"}},
    {"l2.slice.ways", {"8"}},
    {"l2.slice.hash", {"none", Changes::cycles, "", {"l2.slice.size=4 KiB", "l2.slice.ways=2"}}},
    {"l2.slice.replacement", {"fifo", Changes::cycles, "", {"l2.slice.size=4 KiB"}}},
    {"l2.slice.write", {"through"}},
    {"l2.slice.write_allocate",
     {"true", Changes::nothing, "false does not go with partial_write; what it does is tested with the cache"}},
    {"l2.slice.partial_write",
     {"fetch", Changes::nothing, "SMs write whole sectors; what it does is tested with the cache"}},
    {"l2.slice.banks", {"1"}},
    {"l2.slice.bank_width", {"32 B"}},
    {"l2.slice.ports", {"2"}},
    {"l2.slice.tag_latency", {"12"}},
    {"l2.slice.data_latency", {"44"}},
    {"l2.slice.fill_latency", {"9"}},
    {"l2.slice.mshrs.entries", {"2"}},
    {"l2.slice.mshrs.merges", {"1"}},
    {"l2.slice.queues.replies", {"1"}},
    {"l2.slice.queues.misses", {"4"}},
    {"l2.slice.queues.writebacks", {"1", Changes::cycles, "", {"l2.slice.size=4 KiB"}}},
    {"l2.slice.queues.writes", {"2", Changes::cycles, "", {"l2.slice.write=through"}}},
    {"l2.crossbar.flit", {"40 B", Changes::cycles, "", {"l2.crossbar.queue=8"}}},
    {"l2.crossbar.header", {"16 B"}},
    {"l2.crossbar.largest_data",
     {"136 B", Changes::nothing, "it only bounds what is sent; BadOnesAreNamed of the L2 covers the bound"}},
    {"l2.crossbar.latency", {"64"}},
    {"l2.crossbar.queue", {"12"}},
    {"l2.crossbar.output_queue", {"4"}},
    {"l2.crossbar.virtual_output_queues", {"false"}},
    {"l2.crossbar.arbitration", {"oldest_first"}},
    {"l2.crossbar.wire_mm", {"20", Changes::energy}},
    {"l2.requests", {"16"}},
    {"power.static", {"66 W", Changes::energy}},
    {"memory.latency", {"360 ns"}},
    {"memory.credits", {"16"}},
    {"memory.path", {"hbm2_bit", Changes::energy}},
};

void leaves(const config::Node& node, const std::string& path, std::vector<std::string>& out) {
  if (!node.is_map()) {
    // What a memory's preset says is not the device's: tests/unit/models/memory.
    if (node.where().find("configs/gpu/") != std::string::npos) out.push_back(path);
    return;
  }
  for (const std::string& key : node.keys()) leaves(node.at(key), path.empty() ? key : path + "." + key, out);
}

TEST(Parameters, EachChangesAResult) {
  std::vector<std::string> paths;
  leaves(config::load(config::presets() / "gpu/a100.yaml"), "", paths);
  const device::Job job = test::load("mlp", {"steps=1"});
  std::vector<std::unique_ptr<device::Device>> devices;
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  // Over ideal channels: two runs that differ by little meet again behind the next refresh of a DRAM.
  const auto add = [&](test::Settings settings) {
    settings.push_back("memory.kind=ideal");
    devices.push_back(test::make("a100", settings));
    programs.push_back(devices.back()->lower(job));
    tasks.push_back(test::task(*devices.back(), *programs.back(), job, {}));
  };
  add({});
  std::map<std::string, std::size_t> bases;  // by parameter, where it is not the preset as it is
  for (const std::string& path : paths) {
    ASSERT_TRUE(perturbations.contains(path)) << path << " is new: add it to this test";
    const Perturbation& change = perturbations.at(path);
    EXPECT_EQ(change.changes == Changes::nothing, !change.why.empty());
    test::Settings settings = change.with;
    settings.push_back(path + "=" + change.value);
    add(settings);
  }
  for (const std::string& path : paths) {
    if (perturbations.at(path).with.empty()) continue;
    bases[path] = tasks.size();
    add(perturbations.at(path).with);
  }
  EXPECT_EQ(paths.size(), perturbations.size()) << "this test names a parameter that the preset does not have";
  const auto results = experiment::run_in_children(tasks, false);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const device::RunResult& base = results[bases.contains(paths[i]) ? bases.at(paths[i]) : 0];
    const device::RunResult& result = results[i + 1];
    EXPECT_EQ(result.loss, base.loss) << paths[i] << " changes values";
    switch (perturbations.at(paths[i]).changes) {
      case Changes::cycles:
        EXPECT_NE(result.seconds, base.seconds) << paths[i];
        break;
      case Changes::energy:
        EXPECT_EQ(result.seconds, base.seconds) << paths[i];
        EXPECT_NE(result.energy_joules, base.energy_joules) << paths[i];
        break;
      case Changes::nothing: {
        device::RunResult a = result, b = base;
        a.host_seconds = b.host_seconds = 0;
        EXPECT_EQ(experiment::encode(a), experiment::encode(b)) << paths[i] << " does change something";
      }
    }
  }
}

template <class Action>
std::string message(Action action) {
  try {
    action();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Parameters, TooLittleMemoryIsAnError) {
  const auto lower = [](const test::Settings& settings) {
    test::make("tiny", settings)->lower(test::load("dense-relu"));
  };
  EXPECT_THROW(lower({"memory.capacity=1 KiB"}), device::Unsupported);
  EXPECT_NE(message([&] {
              lower({"memory.capacity=1 KiB"});
            }).find("bytes of device memory, there are 1024 (memory.capacity)"),
            std::string::npos);
  EXPECT_NE(message([&] { lower({"sm.load_store.shared=1 KiB"}); }).find("bytes of shared memory, an SM has 1024"),
            std::string::npos);
  EXPECT_NE(message([&] { lower({"sm.warps=2"}); }).find(" warps, an SM has 2"), std::string::npos);
  EXPECT_NE(message([&] { lower({"sm.registers=1024"}); }).find("registers, an SM has 1024"), std::string::npos);
}

TEST(Parameters, WhatThePipesCannotMultiplyIsAnError) {
  device::Job job = test::load("linear");
  job.precision = numerics::Format::int8;
  EXPECT_EQ(test::make("a100")->peak_flops(numerics::Format::int8), 0);
  EXPECT_THROW(test::make("a100")->lower(job), device::Unsupported);
}

TEST(Parameters, ImpossibleValuesAreErrors) {
  for (const std::string setting :
       {"sm.warps=7", "sm.fp32_lanes=3", "sm.load_store.width=48 B", "sm.load_store.shared_banks=12",
        "sm.registers=100", "sm.scheduler=random", "memory.path=uranium", "sms=0"}) {
    EXPECT_THROW(test::make("tiny", {setting}), config::Error) << setting;
  }
}

TEST(Parameters, PeaksAreThePublishedOnes) {
  // gpu_specs.csv: 15.7, 19.5, 67 and 67 TFLOPS of fp32.
  for (const auto& [preset, peak] : {std::pair{"v100", 15.7e12}, {"a100", 19.5e12}, {"h100", 67e12}, {"h200", 67e12}}) {
    EXPECT_NEAR(test::make(preset)->peak_flops(numerics::Format::fp32), peak, 0.005 * peak) << preset;
  }
}

}  // namespace
}  // namespace triad::gpu
