#include "sim/experiment/experiment.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "sim/experiment/output.hpp"
#include "sim/experiment/transfer.hpp"
#include "sim/reference/reference.hpp"

namespace triad::experiment {
namespace {

namespace fs = std::filesystem;

/// A device for these tests: it answers what the reference answers, and misbehaves as its configuration asks.
class Echo : public device::Device {
 public:
  explicit Echo(const config::Node& node) : speed(node.at("speed").integer(1, 1000)) {
    if (const auto key = node.find("behave"))
      behave = key->choice(
          {"well", "fault", "crash", "quit", "refuse", "wrong", "wrong_weight", "nan_weight", "throw", "strict"});
    if (const auto key = node.find("extra")) key->integer(0, 9);
  }
  double peak_flops(numerics::Format format) const override { return format == numerics::Format::fp32 ? 1e9 : 0; }
  std::vector<std::pair<std::string, std::string>> describe() const override {
    return {{"speed", std::to_string(speed)}};
  }
  struct Empty : device::Program {
    std::string disassembly() const override { return ""; }
  };
  std::unique_ptr<device::Program> lower(const device::Job& job) const override {
    if (behave == "refuse") throw device::Unsupported("fc.matmul: " + job.name + " does not fit");
    for (const graph::Op& op : job.graph.ops) {
      const bool constant = std::ranges::all_of(
          op.inputs, [&](graph::TensorId id) { return job.graph.tensor(id).role == graph::Role::constant; });
      if (behave == "strict" && constant) throw device::Unsupported(op.name + " was not folded");
    }
    return std::make_unique<Empty>();
  }
  std::unique_ptr<device::Session> elaborate(const device::Program&, const device::Job&,
                                             const device::RunOptions&) const override {
    throw std::logic_error("an echo has no machine");
  }
  device::RunResult run(const device::Program&, const device::Job& job,
                        const device::RunOptions& options) const override {
    if (behave == "crash") ::raise(SIGKILL);
    if (behave == "quit") ::_exit(7);
    if (behave == "throw") throw std::logic_error("a broken promise");
    if (behave == "fault" || (options.max_cycles > 0 && options.max_cycles < 10))
      throw device::Fault("deadlock at cycle 7");
    reference::Outcome outcome = reference::run(job);
    device::RunResult result;
    result.clock_hz = 1e9;
    result.cycles = static_cast<std::uint64_t>(1000 / speed);
    result.seconds = 1e-6 / static_cast<double>(speed);
    result.flops = job.graph.flops() * job.steps;
    result.loss = outcome.loss;
    if (behave == "wrong") result.loss.back() *= 1.001;
    result.weights = outcome.weights;
    if (behave == "wrong_weight") {  // every value by 2e-4, and so the norm: twice of what is accepted in fp32
      std::vector<float> values = result.weights.at("fc.weight").floats();
      for (float& value : values) value *= 1.0002f;
      result.weights.at("fc.weight") = device::HostTensor::of({2, 3}, values);
    }
    if (behave == "nan_weight") result.weights.at("fc.bias") = device::HostTensor::of({2}, {0.5f, NAN});
    return result;
  }

 private:
  std::int64_t speed;
  std::string behave = "well";
};

class Experiment : public testing::Test {
 protected:
  void SetUp() override {
    folder = fs::temp_directory_path() / ("triad_experiment_" + std::to_string(::getpid()));
    fs::create_directories(folder);
    fs::current_path(folder);
    write("echo/one.yaml", "speed: 1\n");
    write("echo/two.yaml", "extends: echo/one\nspeed: 2\nextra: 1\n");
    write("workloads/tiny.yaml",
          "name: tiny\ninput: {shape: [4, 3]}\nlayers:\n  - {type: linear, name: fc, out_features: 2}\nloss: mse\n"
          "optimizer: {type: sgd, learning_rate: 0.01}\nsteps: 3\n");
    write("experiments/both.yaml", "devices: [echo/one, echo/two]\nworkload: workloads/tiny\n");
    ::setenv("TRIAD_CONFIGS", folder.c_str(), 1);
    registry.add(
        {"echo", "answers what the reference answers",
         [](const config::Node& node) -> std::unique_ptr<device::Device> { return std::make_unique<Echo>(node); }});
  }
  void TearDown() override {
    fs::current_path("/");
    fs::remove_all(folder);
  }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  }
  template <class Error>
  std::string error_of(const std::function<void()>& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  report::Report compare_with(const std::vector<std::string>& set, bool check = false) {
    return compare(registry, "both", {set, check, 0, false});
  }

  fs::path folder;
  device::Registry registry;
};

TEST_F(Experiment, RunsOneDevice) {
  const auto report = run(registry, "echo/two", "tiny", {});
  ASSERT_EQ(report.runs.size(), 1u);
  EXPECT_EQ(report.runs[0].device, "two");
  EXPECT_EQ(report.runs[0].architecture, "echo");
  EXPECT_EQ(report.runs[0].config_digest, config::digest(config::parse("speed: 2\nextra: 1\n")));
  EXPECT_EQ(report.runs[0].cycles, 500u);
  EXPECT_EQ(report.runs[0].loss.size(), 3u);
  EXPECT_GT(report.runs[0].host_seconds, 0);
  EXPECT_EQ(report.workload.steps, 3);
  EXPECT_EQ(report.workload.parameters, 8);  // 2 x 3 weights, 2 biases
}

/// The gradient of a mean is a constant that is scaled and spread.
TEST_F(Experiment, DevicesGetTheirConstantsFolded) {
  write("workloads/classes.yaml",
        "name: classes\ninput: {shape: [4, 3]}\nlayers:\n  - {type: linear, name: fc, out_features: 2}\n"
        "loss: cross_entropy\noptimizer: {type: sgd, learning_rate: 0.01}\nsteps: 3\n");
  const report::Report report = run(registry, "echo/one", "classes", {{"device.behave=strict"}, true, 0, false});
  EXPECT_EQ(report.runs[0].max_error_vs_reference, 0);
}

TEST_F(Experiment, CheckMeasuresTheErrorAndRefusesAWrongLoss) {
  EXPECT_EQ(run(registry, "one", "tiny", {{}, true, 0, false}).runs[0].max_error_vs_reference, 0.0);
  EXPECT_FALSE(run(registry, "one", "tiny", {}).runs[0].max_error_vs_reference);
  const std::string error = error_of<device::Fault>([&] {
    run(registry, "one", "tiny", {{"device.behave=wrong"}, true, 0, false});
  });
  EXPECT_TRUE(error.starts_with("one: --check: the loss of step 2 is ")) << error;
}

TEST_F(Experiment, CheckRefusesAWrongWeightBehindRightLosses) {
  const auto error = [&](const std::string& behaviour) {
    return error_of<device::Fault>([&] {
      run(registry, "one", "tiny", {{"device.behave=" + behaviour}, true, 0, false});
    });
  };
  EXPECT_EQ(error("wrong_weight"),
            "one: --check: the final fc.weight differs from the host reference's by 0.0002 of its L2 norm (0.0001 is "
            "accepted)");
  EXPECT_EQ(
      error("nan_weight"),
      "one: --check: the final fc.bias differs from the host reference's by inf of its L2 norm (0.0001 is accepted)");
}

TEST_F(Experiment, ComparesInTheOrderOfTheFile) {
  const auto report = compare_with({}, true);
  ASSERT_EQ(report.runs.size(), 2u);
  EXPECT_EQ(report.runs[0].device, "one");
  EXPECT_EQ(report.runs[1].device, "two");
  EXPECT_EQ(report.runs[0].loss, report.runs[1].loss);
}

TEST_F(Experiment, SettingsReachTheDevicesTheyNameOrThatHaveThePath) {
  const auto cycles = [&](const std::vector<std::string>& set) {
    const auto report = compare_with(set);
    return std::pair(report.runs[0].cycles, report.runs[1].cycles);
  };
  EXPECT_EQ(cycles({"device.speed=10"}), std::pair(std::uint64_t{100}, std::uint64_t{100}));
  EXPECT_EQ(cycles({"two.speed=10"}), std::pair(std::uint64_t{1000}, std::uint64_t{100}));
  EXPECT_EQ(cycles({"device.speed=10", "one.speed=5"}), std::pair(std::uint64_t{200}, std::uint64_t{100}));
  EXPECT_EQ(compare_with({"workload.steps=7"}).runs[0].loss.size(), 7u);
  EXPECT_EQ(error_of<config::Error>([&] { compare_with({"device.sped=10"}); }),
            "--set device.sped=10: sped: unknown key; did you mean speed?");
  EXPECT_EQ(error_of<config::Error>([&] { compare_with({"two.sped=10"}); }),
            "--set two.sped=10: sped: unknown key; did you mean speed?");
  EXPECT_EQ(error_of<config::Error>([&] { compare_with({"tow.speed=10"}); }),
            "--set tow.speed=10: a path begins with one of device, workload, one, two; did you mean two?");
  EXPECT_EQ(error_of<config::Error>([&] { compare_with({"device.speed=0"}); }),
            "--set device.speed=0: speed: must be a whole number from 1 to 1000, found 0");
  EXPECT_EQ(error_of<config::Error>([&] { compare_with({"nonsense"}); }),
            "--set nonsense: expected PATH=VALUE, such as device.clock=\"1 GHz\"");
}

TEST_F(Experiment, ASettingMayReachOnlySomeDevices) {
  // A second architecture that does not know the key `extra`.
  registry.add({"plain", "an echo without extra", [](const config::Node& node) -> std::unique_ptr<device::Device> {
                  return std::make_unique<Echo>(config::parse("speed: " + node.at("speed").text()));
                }});
  write("plain/three.yaml", "speed: 3\n");
  write("mixed.yaml", "devices: [echo/one, plain/three]\nworkload: tiny\n");
  const auto report = compare(registry, "mixed.yaml", {{"device.extra=4", "device.speed=10"}, false, 0, false});
  EXPECT_EQ(report.runs[0].config_digest, config::digest(config::parse("speed: 10\nextra: 4\n")));
  EXPECT_EQ(report.runs[1].config_digest, config::digest(config::parse("speed: 10\n")));
}

TEST_F(Experiment, AFaultNamesItsDevice) {
  const auto fault = [&](const std::string& behaviour) {
    return error_of<device::Fault>([&] { compare_with({"two.behave=" + behaviour}); });
  };
  EXPECT_EQ(fault("fault"), "two: deadlock at cycle 7");
  EXPECT_EQ(fault("crash"), "two: the simulator was stopped by signal 9 (Killed)");
  EXPECT_EQ(fault("quit"), "two: the simulator ended early, with status 7");
  EXPECT_EQ(fault("throw"), "two: the simulator failed: a broken promise");
  EXPECT_EQ(error_of<device::Fault>([&] {
              run(registry, "one", "tiny", {{}, false, 3, false});
            }),
            "one: deadlock at cycle 7");
}

TEST_F(Experiment, WhatADeviceCannotRunIsSaidBeforeAnythingRuns) {
  EXPECT_EQ(error_of<device::Unsupported>([&] {
              compare_with({"two.behave=refuse", "one.behave=crash"});
            }),
            "two: fc.matmul: tiny does not fit");
  EXPECT_EQ(error_of<device::Unsupported>([&] { compare_with({"workload.precision=bf16"}); }),
            "one: does not multiply in bf16; set the workload's precision to fp32");
}

TEST_F(Experiment, BadExperimentsAreErrorsWithTheirPlace) {
  const auto error = [&](const std::string& text) {
    write("e.yaml", text);
    return error_of<config::Error>([&] { compare(registry, "e.yaml", {}); });
  };
  EXPECT_EQ(error("devices: [echo/oen]\nworkload: tiny\n"),
            "e.yaml:1:11: devices.0: 'echo/oen': no such preset (a file's name ends in .yaml); did you mean echo/one?");
  EXPECT_EQ(error("devices: [echo/one, echo/one]\nworkload: tiny\n"),
            "e.yaml:1:21: devices.1: a second device named one; give it a name: of its own");
  EXPECT_EQ(error("devices: []\nworkload: tiny\n"), "e.yaml:1:10: devices: names no device");
  EXPECT_EQ(error("devices: [echo/one]\n"), "e.yaml:1:1: missing key workload; the keys here are devices");
  EXPECT_EQ(error("devices: [echo/one]\nworkload: tiny\nsteps: 3\n"),
            "e.yaml:3:1: steps: unknown key; the keys here are devices, summary, workload");
  EXPECT_EQ(error("devices: [{preset: echo/one, set: {speed: 0}}]\nworkload: tiny\n"),
            "e.yaml:1:43: speed: must be a whole number from 1 to 1000, found 0");
  EXPECT_EQ(error("devices: [{preset: echo/one, name: ../x}]\nworkload: tiny\n"),
            "e.yaml:1:36: devices.0.name: '../x': a device's name is made of letters, digits, - and _");
  EXPECT_EQ(error("devices: [gone.yaml]\nworkload: tiny\n"), "gone.yaml: no such file");
}

TEST_F(Experiment, AFileMustSayWhichArchitectureItIs) {
  write("mine.yaml", "speed: 3\n");
  EXPECT_EQ(error_of<config::Error>([&] { run(registry, "mine.yaml", "tiny", {}); }),
            "mine.yaml:1:1: missing key architecture: which of echo is it? (or extend a preset)");
  write("mine.yaml", "architecture: echo\nspeed: 4\n");
  EXPECT_EQ(run(registry, "mine.yaml", "tiny", {}).runs[0].cycles, 250u);
}

TEST_F(Experiment, ResultsAppearWholeOrNotAtAll) {
  const auto report = compare_with({});
  check_output("out/deep");
  write_output(report, "out/deep");
  for (const char* file : {"result.json", "one/result.json", "one/weights.npz", "two/result.json", "two/weights.npz"}) {
    EXPECT_TRUE(fs::exists(folder / "out/deep" / file)) << file;
  }
  write_output(run(registry, "one", "tiny", {}), "single");
  EXPECT_EQ(std::distance(fs::directory_iterator("single"), {}), 2);  // result.json, weights.npz, nothing temporary

  write("file", "");
  EXPECT_NE(error_of<config::Error>([&] { check_output("file/out"); }).find("file is no folder"), std::string::npos);
  fs::create_directories("blocked/result.json/x");  // a folder stands where the file belongs
  EXPECT_NE(error_of<config::Error>([&] { write_output(run(registry, "one", "tiny", {}), "blocked"); }), "no error");
  EXPECT_EQ(std::distance(fs::directory_iterator("blocked"), {}), 1);
}

TEST(Transfer, LosesNothing) {
  device::RunResult result;
  result.device = "x";
  result.cycles = 0xffffffffffffffffu;
  result.seconds = 0.1;
  result.loss = {NAN, 0.1, -0.0};
  result.peak_power_watts = 3.5;
  result.bound_cycles = {{"launch", 3}};
  result.units = {{"u", 1e9, 5, {{"busy", 5}}, {{"mac", 7}}, 1e-12}};
  result.ops = {{"a", "matmul", "forward", 1, 2, 1, 4, "compute"}, {"b", "mse", "forward", 1, 2, {}, 4, "compute"}};
  result.weights = {{"w", device::HostTensor::of({2}, {1.5f, -0.0f})}};
  const device::RunResult copy = decode(encode(result));
  EXPECT_EQ(copy.cycles, result.cycles);
  EXPECT_TRUE(std::isnan(copy.loss[0]));
  EXPECT_TRUE(std::signbit(copy.loss[2]));
  EXPECT_EQ(copy.peak_power_watts, 3.5);
  EXPECT_FALSE(copy.energy_joules);
  EXPECT_EQ(copy.units[0].actions.at("mac"), 7u);
  EXPECT_EQ(copy.ops[0].array_cycles, 1u);
  EXPECT_FALSE(copy.ops[1].array_cycles);
  EXPECT_EQ(copy.weights.at("w").bytes, result.weights.at("w").bytes);
  EXPECT_EQ(encode(copy), encode(result));
}

}  // namespace
}  // namespace triad::experiment
