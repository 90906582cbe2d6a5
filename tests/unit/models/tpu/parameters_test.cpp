#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "sim/experiment/transfer.hpp"
#include "support.hpp"

/// Every parameter of a TPU does something.
namespace triad::tpu {
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
    {"mxu.count", {"3"}},
    {"mxu.rows", {"64"}},
    {"mxu.columns", {"64"}},
    {"mxu.dataflow", {"ws", Changes::nothing, "the weight-stationary dataflow is the only one"}},
    {"mxu.weight_tiles", {"1"}},
    {"mxu.bursts", {"1"}},
    {"vpu.lanes", {"1024"}},
    {"vpu.latency", {"13"}},
    {"transpose.latency", {"129"}},
    {"vmem.size", {"1 MiB"}},
    {"vmem.bank", {"64 KiB", Changes::energy}},
    {"vmem.latency", {"5"}},
    {"dma.setup", {"9"}},
    {"dma.requests", {"1"}},
    {"sequencer.launch", {"2.1 us"}},
    {"sequencer.steps_per_launch", {"2"}},
    {"sequencer.queue_depth", {"2"}},
    {"power.static", {"122 W", Changes::energy}},
    {"memory.latency", {"380 ns"}},
    {"memory.credits", {"1"}},
};

void leaves(const config::Node& node, const std::string& path, std::vector<std::string>& out) {
  if (!node.is_map()) {
    // What a memory's preset says is not the device's: tests/unit/models/memory.
    if (node.where().find("configs/tpu/") != std::string::npos) out.push_back(path);
    return;
  }
  for (const std::string& key : node.keys()) leaves(node.at(key), path.empty() ? key : path + "." + key, out);
}

TEST(Parameters, EachChangesAResult) {
  std::vector<std::string> paths;
  leaves(config::load(config::presets() / "tpu/tpu-v3.yaml"), "", paths);
  const device::Job job = test::load("mlp", {"steps=2"});
  std::vector<std::unique_ptr<device::Device>> devices;
  std::vector<std::unique_ptr<device::Program>> programs;
  std::vector<experiment::Task> tasks;
  // Over ideal channels: two runs that differ by little meet again behind the next refresh of a DRAM.
  const auto add = [&](test::Settings settings) {
    settings.push_back("memory.kind=ideal");
    devices.push_back(test::make("tpu-v3", settings));
    programs.push_back(devices.back()->lower(job));
    tasks.push_back(test::task(*devices.back(), *programs.back(), job, {}));
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
  const device::RunResult& base = results[0];
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const device::RunResult& result = results[i + 1];
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

/// The optional ones, which presets leave out.
TEST(Parameters, OptionalOnesChangeAResultToo) {
  const device::Job job = test::load("linear", {"steps=2"});
  const auto base = test::run(*test::make("tiny"), job);
  const auto stalled = test::run(*test::make("tiny", {"mxu.stalls={seed: 1, percent: 30}"}), job);
  const auto other_seed = test::run(*test::make("tiny", {"mxu.stalls={seed: 2, percent: 30}"}), job);
  EXPECT_GT(stalled.cycles, base.cycles);
  EXPECT_NE(stalled.cycles, other_seed.cycles);
  EXPECT_EQ(stalled.loss, base.loss);
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

TEST(Parameters, TooLittleMemoryIsAnError) {
  expect_unsupported({"memory.capacity=1 KiB"}, "linear", {},
                     "bytes of device memory, there are 1024 (memory.capacity)");
  expect_unsupported({"vmem.size=512 B"}, "dense-relu", {}, "(vmem.size)");
  expect_unsupported({"vmem.size=512 B"}, "dense-relu", {}, "fc");

  device::Job job = test::load("linear");
  job.precision = numerics::Format::fp16;
  EXPECT_THROW(test::make("tiny")->lower(job), device::Unsupported);
}

TEST(Parameters, ClocksAreRoundedToAHertz) {
  // 1.005 * 10^9 is 1004999999.9999999 in binary.
  EXPECT_EQ(Parameters::read(config::load(config::presets() / "tpu/tiny.yaml", {"clock=1.005 GHz"})).clock_hz,
            1'005'000'000u);
  EXPECT_THROW(test::make("tiny", {"clock=0.3 Hz"}), config::Error);
  EXPECT_THROW(test::make("tiny", {"memory.clock=2000 GHz"}), config::Error);
}

TEST(Parameters, PeakFlops) {
  const auto device = test::make("tpu-v3");
  // 4 units x 128 x 128 MACs x 2 x 940 MHz; six passes for an fp32 product
  EXPECT_DOUBLE_EQ(device->peak_flops(numerics::Format::bf16), 4 * 128 * 128 * 2 * 940e6);
  EXPECT_DOUBLE_EQ(device->peak_flops(numerics::Format::fp32), 4 * 128 * 128 * 2 * 940e6 / 6);
  EXPECT_EQ(device->peak_flops(numerics::Format::fp16), 0);
}

}  // namespace
}  // namespace triad::tpu
