#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/device/device.hpp"
#include "sim/experiment/children.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/workload.hpp"

/// What the tests of every device share.
namespace triad::test {

using Settings = std::vector<std::string>;  ///< "mxu.rows=8"

inline std::unique_ptr<device::Device> make(const device::Architecture& architecture, const std::string& preset,
                                            const Settings& settings) {
  const config::Node node = config::load(config::presets() / architecture.name / (preset + ".yaml"), settings);
  auto made = architecture.make(node);
  node.reject_unread();
  return made;
}

inline device::Job load(const std::string& workload, const Settings& settings = {}) {
  return workload::load(config::presets() / "workloads" / (workload + ".yaml"), settings);
}

/// A run in a process of its own: SystemC allows one elaboration per process.
inline experiment::Task task(const device::Device& device, const device::Program& program, const device::Job& job,
                             const device::RunOptions& options = {.check = true}) {
  return {job.name, [&, options] { return device.run(program, job, options); }};
}
inline device::RunResult run(const device::Device& device, const device::Program& program, const device::Job& job,
                             const device::RunOptions& options = {.check = true}) {
  return experiment::run_in_children({task(device, program, job, options)}, false).at(0);
}
inline device::RunResult run(const device::Device& device, const device::Job& job,
                             const device::RunOptions& options = {.check = true}) {
  return run(device, *device.lower(job), job, options);
}

// Tolerances against PyTorch, stated in tests/golden/README.md.
inline constexpr double fp32 = 1e-4, bf16 = 1e-3;

/// Trains a preset workload with hazard checks on: every step's loss within a relative tolerance of PyTorch's
/// (tests/golden/make.py), every final parameter within the tolerance times the tensor's largest. A workload of
/// tests/golden/zoo gets its data and initial parameters from there, and may be off by four times what PyTorch itself
/// is when its initial parameters change in the last bit (the golden's spread), where that is more. `steps`: the first
/// ones only, and no parameters.
inline void expect_golden(const device::Device& device, const std::string& name, const std::string& precision,
                          double tolerance, std::size_t steps = 0) {
  const std::filesystem::path root = TRIAD_SOURCE_DIR, zoo = root / "tests/golden/zoo";
  const bool in_zoo = std::filesystem::exists(zoo / (name + ".data.npz"));
  Settings settings = {"precision=" + precision};
  if (in_zoo) {
    settings.push_back("data.file=" + (zoo / (name + ".data.npz")).string());
    settings.push_back("initial.file=" + (zoo / (name + ".init.npz")).string());
  }
  if (steps != 0) settings.push_back(fmt::format("steps={}", steps));
  const device::RunResult result = run(device, load(name, settings));
  workload::Arrays golden =
      workload::read_npz((in_zoo ? zoo : root / "tests/golden") / (name + "." + precision + ".npz"));
  const auto allowed = [&](const std::string& what, std::size_t i) {
    const auto spread = golden.find("spread." + what);
    return spread == golden.end() ? tolerance : std::max<double>(tolerance, 4 * spread->second.floats().at(i));
  };

  std::vector<float> losses = golden.at("loss").floats();
  if (steps != 0) losses.resize(steps);
  ASSERT_EQ(result.loss.size(), losses.size());
  double largest = 0;
  for (std::size_t step = 0; step < losses.size(); ++step) {
    EXPECT_NEAR(result.loss[step], losses[step], allowed("loss", step) * losses[step]) << "step " << step;
    largest = std::max(largest, std::abs(result.loss[step] / losses[step] - 1));
  }
  testing::Test::RecordProperty("largest_relative_error_of_a_loss", fmt::format("{:.1e}", largest));

  if (steps != 0) return;
  bool weights = false;
  for (const auto& [parameter, expected] : golden) {
    if (parameter == "loss" || parameter.starts_with("spread.")) continue;
    weights = true;
    ASSERT_TRUE(result.weights.contains(parameter)) << parameter;
    const std::vector<float> wanted = expected.floats(), got = result.weights.at(parameter).floats();
    ASSERT_EQ(got.size(), wanted.size());
    float magnitude = 0;
    for (const float w : wanted) magnitude = std::max(magnitude, std::abs(w));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR(got[i], wanted[i], allowed(parameter, 0) * magnitude) << parameter << " element " << i;
    }
  }
  EXPECT_TRUE(weights || in_zoo);  // of some goldens of the zoo only the losses are kept
}

/// The device with memories of every kind of DRAM, each of whose commands is checked: it computes the same as with an
/// ideal memory of the same peak, and is not faster by more than 2 %: that much it may win because a write is done when
/// it is queued, and a read of it is served there.
inline void expect_same_with_dram(const std::function<std::unique_ptr<device::Device>(const Settings&)>& make_device,
                                  const device::Job& job) {
  const device::RunResult other = run(*make_device({}), job);
  for (const std::string preset :
       {"ddr3-2133", "ddr4-3200", "lpddr4-3200", "lpddr5-6400", "gddr6-14", "hbm2", "hbm3"}) {
    const Settings settings = {"memory.preset=" + preset, "memory.channels=1"};
    Settings ideal = settings;
    ideal.push_back("memory.kind=ideal");
    const device::RunResult with_dram = run(*make_device(settings), job), with_ideal = run(*make_device(ideal), job);
    EXPECT_EQ(with_dram.loss, other.loss) << preset;
    EXPECT_EQ(with_ideal.loss, other.loss) << preset;
    EXPECT_EQ(with_dram.peak_bytes_per_second, with_ideal.peak_bytes_per_second) << preset;
    EXPECT_GT(static_cast<double>(with_dram.cycles), 0.98 * static_cast<double>(with_ideal.cycles)) << preset;
    EXPECT_EQ(with_dram.read_bytes, with_ideal.read_bytes) << preset;
    EXPECT_EQ(with_dram.written_bytes, with_ideal.written_bytes) << preset;
  }
}

/// What is stored is never looked at for times: two steps of the workload over DRAM, with and without values.
inline void expect_same_time_without_values(
    const std::function<std::unique_ptr<device::Device>(const Settings&)>& make_device, const std::string& workload) {
  for (const std::string preset : {"ddr4-3200", "hbm2"}) {
    const auto device = make_device({"memory.preset=" + preset, "memory.channels=1"});
    const device::RunResult with = run(*device, load(workload, {"steps=2"}));
    const device::RunResult without = run(*device, load(workload, {"steps=2", "values=off"}));
    EXPECT_EQ(with.cycles, without.cycles) << preset;
    EXPECT_EQ(with.energy_joules, without.energy_joules) << preset;
  }
}

/// A machine whose limit is to be found, by the three resources that a limit may name.
struct Resources {
  double clock_mhz, bandwidth_gbps, launch_us;
  std::string launch_key;  ///< "sequencer.launch"
  Settings others = {};
  Settings settings() const {
    Settings all = {fmt::format("clock={} MHz", clock_mhz), fmt::format("memory.bandwidth={} GB/s", bandwidth_gbps),
                    fmt::format("{}={} us", launch_key, launch_us)};
    all.insert(all.end(), others.begin(), others.end());
    return all;
  }
};

/// What a result names as its limit, with more than 95 % of the run, is the limit: that resource ten times as fast
/// shortens the run by nine tenths of its share, another one ten times as fast changes it by less than 2 %.
inline void expect_limit(const std::string& limit, const Resources& machine, const device::Job& job,
                         const std::function<std::unique_ptr<device::Device>(const Settings&)>& make_device) {
  const auto measure = [&](const Resources& m) { return run(*make_device(m.settings()), job, {}); };
  const device::RunResult base = measure(machine);
  ASSERT_EQ(base.bound_by, limit);
  const double share = static_cast<double>(base.bound_cycles.at(limit)) / static_cast<double>(base.cycles);
  ASSERT_GT(share, 0.95);

  Resources compute = machine, memory = machine, launch = machine;
  compute.clock_mhz *= 10;
  memory.bandwidth_gbps *= 10;
  launch.launch_us /= 10;
  for (const auto& [name, faster] : {std::pair{"compute", compute}, {"memory", memory}, {"launch", launch}}) {
    const double ratio = measure(faster).seconds / base.seconds;
    EXPECT_NEAR(ratio, name == limit ? 1 - 0.9 * share : 1, 0.02) << limit << " limits, " << name << " is faster";
  }
}

}  // namespace triad::test
