#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "sim/graph/op.hpp"
#include "sim/reference/reference.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/workload.hpp"

/// ONNX models that PyTorch exported, trained ten steps by the host reference, held to PyTorch's losses, final
/// parameters and running statistics after the first (tests/golden/onnx/make.py).
namespace triad {
namespace {

const std::filesystem::path folder = std::filesystem::path(TRIAD_SOURCE_DIR) / "tests/golden/onnx";

/// |got - want| / |want| in the L2 norm, over elements [begin, end).
double relative_error(const std::vector<float>& got, const std::vector<float>& want, std::size_t begin,
                      std::size_t end) {
  double error = 0, norm = 0;
  for (std::size_t i = begin; i < end; ++i) {
    error += std::pow(static_cast<double>(got[i]) - want[i], 2);
    norm += std::pow(static_cast<double>(want[i]), 2);
  }
  return std::sqrt(error) / std::max(std::sqrt(norm), 1e-6);
}

/// Final parameters by name, and how many there are. Of attention's biases (queries, keys, values) the keys' are left
/// out: softmax does not depend on them, so their gradient is zero but for rounding, and Adam divides by its magnitude.
std::size_t compare_parameters(const device::Weights& weights, const workload::Arrays& golden) {
  std::size_t compared = 0;
  for (const auto& [key, tensor] : golden) {
    if (!key.starts_with("final.")) continue;
    const std::string name = key.substr(6);
    const auto found = weights.find(name);
    if (found == weights.end()) {
      ADD_FAILURE() << "no parameter " << name;
      continue;
    }
    ++compared;
    const std::vector<float> want = tensor.floats(), got = found->second.floats();
    EXPECT_EQ(found->second.shape, tensor.shape) << name;
    const std::size_t third = name.ends_with("in_proj_bias") ? want.size() / 3 : want.size();
    EXPECT_LE(relative_error(got, want, 0, third), 1e-4) << name;
    if (third == want.size()) continue;
    EXPECT_LE(relative_error(got, want, 2 * third, want.size()), 1e-4) << name;
  }
  return compared;
}

class OnnxTraining : public testing::TestWithParam<const char*> {};

TEST_P(OnnxTraining, FollowsPyTorch) {
  const std::string name = GetParam();
  const device::Job job = workload::load(folder / (name + ".yaml"));
  const reference::Outcome outcome = reference::run(job);
  workload::Arrays golden = workload::read_npz(folder / (name + ".npz"));

  const std::vector<float> losses = golden.at("loss").floats();
  ASSERT_EQ(outcome.loss.size(), losses.size());
  double largest = 0;
  for (std::size_t step = 0; step < losses.size(); ++step) {
    EXPECT_NEAR(outcome.loss[step], losses[step], 1e-4 * losses[step]) << "step " << step;
    largest = std::max(largest, std::abs(outcome.loss[step] / losses[step] - 1));
  }
  RecordProperty("largest_relative_error_of_a_loss", fmt::format("{:.1e}", largest));

  std::size_t parameters = 0;
  for (const auto& tensor : job.graph.tensors) parameters += tensor.role == graph::Role::parameter ? 1 : 0;
  EXPECT_EQ(compare_parameters(outcome.weights, golden), parameters);

  std::size_t statistics = 0;
  for (const auto& update : job.graph.updates) {
    const auto found = golden.find("first." + job.graph.tensor(update.persistent).name);
    if (found == golden.end()) continue;  // of the optimizer
    ++statistics;
    const std::vector<float> got = reference::evaluate(job, std::span(&update.updated, 1))[0].floats();
    EXPECT_LE(relative_error(got, found->second.floats(), 0, got.size()), 1e-5) << found->first;
  }
  EXPECT_EQ(statistics, static_cast<std::size_t>(std::ranges::count_if(
                            golden, [](const auto& one) { return one.first.starts_with("first."); })));
}

/// What operator sets spell out is one op again: encoder: gelu (set 17 has layer norm), decoder: layer norm (set 16).
TEST(OnnxPatterns, AreOneOp) {
  const auto count = [](const char* name, graph::OpKind kind) {
    return std::ranges::count(workload::load(folder / (std::string(name) + ".yaml")).graph.ops, kind, &graph::Op::kind);
  };
  EXPECT_EQ(count("encoder", graph::OpKind::gelu), 2);  // one a layer
  EXPECT_EQ(count("encoder", graph::OpKind::erf), 0);
  EXPECT_EQ(count("decoder", graph::OpKind::normalize), 7);  // three a layer, one at the end
  EXPECT_EQ(count("decoder", graph::OpKind::sqrt), 0);
  EXPECT_EQ(count("unet", graph::OpKind::silu), 2);
}

INSTANTIATE_TEST_SUITE_P(Models, OnnxTraining,
                         testing::Values("mlp", "residual", "depthwise", "lstm", "gru", "encoder", "decoder", "unet",
                                         "speech", "operators", "images", "states", "reset-first"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace triad
