#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "sim/experiment/experiment.hpp"
#include "sim/experiment/output.hpp"
#include "sim/reference/reference.hpp"
#include "sim/report/report.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/workload.hpp"

/// Workloads of single operations through the whole road: file, reference, report, output.
namespace triad {
namespace {

namespace fs = std::filesystem;

class Operations : public testing::Test {
 protected:
  Operations() {
    folder_ = fs::temp_directory_path() / ("operations_test_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  ~Operations() override { fs::remove_all(folder_); }

  fs::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  fs::path folder_;
};

/// Value of a tensor of the job by name, as fp32.
std::vector<float> initial(const device::Job& job, const std::string& name) {
  for (const auto& [id, value] : job.initial) {
    if (job.graph.tensor(id).name == name) return value.floats();
  }
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

TEST_F(Operations, RunForwardWithoutLossOrOptimizer) {
  const fs::path file = write("gemm.yaml",
                              "name: gemm\nops: [{op: matmul, m: 5, n: 3, k: 7}, {op: matmul, name: "
                              "second, m: 2, n: 2, k: 2}]\n");
  const report::Report report = experiment::run_reference(file.string(), {});
  EXPECT_EQ(report.workload.steps, 1);
  EXPECT_EQ(report.workload.flops_per_step, 2 * 5 * 3 * 7 + 2 * 2 * 2 * 2);
  EXPECT_EQ(report.workload.parameters, 0);
  const device::RunResult& run = report.runs.at(0);
  EXPECT_TRUE(run.loss.empty());
  EXPECT_TRUE(run.weights.empty());
  ASSERT_EQ(run.outputs.size(), 2u);
  EXPECT_EQ(run.outputs.at("second").shape, (graph::Shape{2, 2}));

  const device::Job job = workload::load(file);
  const std::vector<float> a = initial(job, "matmul0.a"), b = initial(job, "matmul0.b");
  const std::vector<float> c = run.outputs.at("matmul0").floats();
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      double sum = 0;
      for (std::size_t k = 0; k < 7; ++k) sum += static_cast<double>(a[i * 7 + k]) * b[k * 3 + j];
      EXPECT_NEAR(c[i * 3 + j], sum, 1e-6);
    }
  }
  EXPECT_NE(report::json(report).find("\"loss\": null"), std::string::npos);
  EXPECT_FALSE(report::run_table(report.workload, run, {}).empty());
  EXPECT_FALSE(report::csv(report).empty());
  experiment::write_output(report, folder_ / "results");
  EXPECT_TRUE(fs::exists(folder_ / "results/outputs.npz"));
  EXPECT_FALSE(fs::exists(folder_ / "results/weights.npz"));
}

/// The sum of x * (conv2d(x, w)) relations: <dy, conv(x, w)> = <dgrad(dy, w), x> = <wgrad(x, dy), w>.
TEST_F(Operations, PassesOfAConvolutionAreAdjoint) {
  const std::string c =
      "{op: conv2d, batch: 2, in_channels: 4, height: 6, width: 5, out_channels: 6, kernel: 3, "
      "stride: 2, padding: 1, groups: 2, ";
  const fs::path file = write("conv.yaml", "name: conv\nops: [" + c + "name: f, pass: forward}, " + c +
                                               "name: d, pass: dgrad}, " + c + "name: w, pass: wgrad}]\n");
  // All three see the same operands.
  device::Job job = workload::load(file);
  std::map<std::string, device::HostTensor> same;
  for (auto& [id, value] : job.initial) {
    const std::string name = job.graph.tensor(id).name.substr(2);
    value = same.emplace(name, value).first->second;
  }
  const device::Weights outputs = reference::run(job).outputs;
  const auto dot = [](const std::vector<float>& a, const std::vector<float>& b) {
    EXPECT_EQ(a.size(), b.size());
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
  };
  const double forward = dot(outputs.at("f").floats(), same.at("dy").floats());
  EXPECT_NEAR(dot(outputs.at("d").floats(), same.at("x").floats()), forward, 1e-4);
  EXPECT_NEAR(dot(outputs.at("w").floats(), same.at("weight").floats()), forward, 1e-4);
  EXPECT_GT(std::abs(forward), 0.1);
}

TEST_F(Operations, RunInEveryPrecision) {
  const fs::path file = write("gemm.yaml", "name: gemm\nops: [{op: matmul, name: c, m: 4, n: 4, k: 16}]\n");
  const std::vector<float> exact = reference::run(workload::load(file)).outputs.at("c").floats();
  for (const auto& [precision, scale, tolerance] :
       {std::tuple{"bf16", 1.0, 0.05}, {"fp16", 1.0, 0.005}, {"int8", 127.0 * 127.0, 0.1}}) {
    const device::Weights outputs =
        reference::run(workload::load(file, {std::string("precision=") + precision})).outputs;
    const std::vector<float> got = outputs.at("c").floats();
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i] / scale, exact[i], tolerance) << precision;
  }
}

TEST_F(Operations, ATopologyIsRunLayerByLayer) {
  write("net.csv",
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
        "conv1, 9, 9, 3, 3, 2, 4, 2,\n"
        "fc, 1, 1, 1, 1, 8, 5, 1,\n");
  const fs::path file = write("net.yaml", "name: net\ntopology: {scale_sim: net.csv}\nprecision: bf16\n");
  const report::Report report = experiment::run_reference(file.string(), {});
  EXPECT_EQ(report.workload.flops_per_step, 2 * (4 * 4 * 4 * 2 * 9) + 2 * 5 * 8);
  EXPECT_EQ(report.runs.at(0).outputs.at("conv1").shape, (graph::Shape{1, 4, 4, 4}));
}

TEST_F(Operations, NeedNoValues) {
  const fs::path file =
      write("big.yaml", "name: big\nvalues: off\nops: [{op: matmul, m: 1048576, n: 65536, k: 1048576}]\n");
  const device::Job job = workload::load(file);  // 2^40 elements of A: nothing is made
  EXPECT_FALSE(job.values);
  EXPECT_TRUE(job.initial.empty());
  EXPECT_EQ(job.graph.flops(), std::int64_t{1} << 57);
  EXPECT_THROW(experiment::run_reference(file.string(), {}), config::Error);
  EXPECT_THROW(workload::load(write("both.yaml", "name: b\nops: [{op: matmul, m: 1, n: 1, k: 1}]\nloss: mse\n")),
               config::Error);
}

}  // namespace
}  // namespace triad
