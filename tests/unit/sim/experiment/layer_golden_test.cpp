#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "sim/reference/reference.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/workload.hpp"

/// Networks of every composite layer, loss, optimizer and schedule, trained by the host reference, against PyTorch
/// (tests/golden/layers/make.py): the loss of every step, final parameters, running statistics after the first step.
namespace triad {
namespace {

const std::filesystem::path folder = std::filesystem::path(TRIAD_SOURCE_DIR) / "tests/golden/layers";

std::optional<graph::TensorId> find(const graph::Graph& graph, const std::string& name) {
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    if (graph.tensors[i].name == name) return static_cast<graph::TensorId>(i);
  }
  return std::nullopt;
}

/// Within `tolerance` times the largest magnitude of the expected tensor.
void expect_close(const std::string& name, const device::HostTensor& got, const device::HostTensor& wanted,
                  double tolerance) {
  ASSERT_EQ(got.shape, wanted.shape) << name;
  const std::vector<float> a = got.floats(), b = wanted.floats();
  float magnitude = 1e-3f;
  for (const float value : b) magnitude = std::max(magnitude, std::abs(value));
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i])) FAIL() << name << " element " << i << " is NaN";
    largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  }
  EXPECT_LE(largest, tolerance * static_cast<double>(magnitude)) << name;
}

class LayerGolden : public testing::TestWithParam<std::string> {};

TEST_P(LayerGolden, TrainsAsPyTorchDoes) {
  // fp32: the order of additions and the transcendentals' last bits differ, nothing else.
  // bf16 and fp16: a sum that differs in its last bit can round to the neighbouring value, 2^-8 or 2^-11 away.
  const std::string name = GetParam();
  const double tolerance = name.starts_with("bf16") ? 1e-3 : name.starts_with("fp16") ? 2e-4 : 2e-5;
  const device::Job job = workload::load(folder / (name + ".yaml"));
  const workload::Arrays golden = workload::read_npz(folder / (name + ".npz"));
  const reference::Outcome outcome = reference::run(job);
  const std::vector<float> losses = golden.at("loss").floats();
  ASSERT_EQ(outcome.loss.size(), losses.size());
  for (std::size_t step = 0; step < losses.size(); ++step) {
    EXPECT_NEAR(outcome.loss[step], losses[step], tolerance * std::abs(losses[step])) << "step " << step;
  }
  std::size_t parameters = 0;
  for (const auto& [key, wanted] : golden) {
    if (key.starts_with("final/")) {
      const std::string parameter = key.substr(6);
      ASSERT_TRUE(outcome.weights.contains(parameter)) << parameter;
      expect_close(parameter, outcome.weights.at(parameter), wanted, tolerance);
      ++parameters;
    }
    if (key.starts_with("first/")) {  // a running statistic: what the first step makes of it
      const auto state = find(job.graph, key.substr(6));
      ASSERT_TRUE(state) << key;
      const auto update = std::ranges::find(job.graph.updates, *state, &graph::Graph::Update::persistent);
      ASSERT_NE(update, job.graph.updates.end()) << key;
      expect_close(key, reference::evaluate(job, std::vector{update->updated}, 0).at(0), wanted, tolerance);
    }
  }
  EXPECT_EQ(parameters, outcome.weights.size()) << "the workload has other parameters than PyTorch's module";
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cases, LayerGolden, testing::ValuesIn(cases()), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace triad
