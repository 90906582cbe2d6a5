#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "sim/reference/reference.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/workload.hpp"

/// The minis of configs/workloads, trained by the host reference: their losses fall, and three of them do so as PyTorch
/// says (tests/golden/zoo/make.py).
namespace triad {
namespace {

const std::filesystem::path root = TRIAD_SOURCE_DIR;

device::Job mini(const std::string& name, const std::vector<std::string>& settings = {}) {
  return workload::load(root / "configs/workloads" / (name + ".yaml"), settings);
}

/// What the last loss may be at most, relative to the first.
struct Fall {
  std::string workload;
  double to;
};
void PrintTo(const Fall& fall, std::ostream* out) {
  *out << fall.workload;
}

const std::vector<Fall> falls = {
    {"resnet-50-mini", 0.5},       {"alexnet-mini", 0.5},
    {"vgg-16-mini", 0.5},          {"mobilenet-v1-mini", 0.5},
    {"mobilenet-v2-mini", 0.5},    {"ssd-mini", 0.7},
    {"dcgan-generator-mini", 0.5}, {"dcgan-discriminator-mini", 0.5},
    {"ddpm-unet-mini", 0.7},       {"bert-base-mini", 0.5},
    {"gpt-2-mini", 0.5},           {"lstm-sentiment-mini", 0.7},
    {"transformer-mini", 0.5},     {"deepspeech-2-mini", 0.7},
    {"wav2vec2-mini", 0.7},        {"fastspeech-2-mini", 0.7},
    {"ds-cnn-mini", 0.5},
};

class ZooTraining : public testing::TestWithParam<Fall> {};

TEST_P(ZooTraining, LossFallsWithinSeconds) {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<double> loss = reference::run(mini(GetParam().workload)).loss;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  for (const double value : loss) ASSERT_TRUE(std::isfinite(value));
  RecordProperty("loss", fmt::format("{:.4f} to {:.4f}", loss.front(), loss.back()));
  EXPECT_LT(loss.back(), GetParam().to * loss.front());
  EXPECT_LT(seconds, 30);  // a mini takes less than a second of an idle machine
}

std::string test_name(const testing::TestParamInfo<Fall>& info) {
  std::string name = info.param.workload;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Minis, ZooTraining, testing::ValuesIn(falls), test_name);

/// Losses and final parameters within `tolerance` of PyTorch's, or within four times what PyTorch itself comes off by
/// when its initial parameters change in the last bit, whichever is more.
void expect_golden(const std::string& name, const std::string& precision, double tolerance) {
  const std::filesystem::path folder = root / "tests/golden/zoo";
  const device::Job job = mini(name, {"precision=" + precision, "data.file=" + (folder / (name + ".data.npz")).string(),
                                      "initial.file=" + (folder / (name + ".init.npz")).string()});
  const reference::Outcome outcome = reference::run(job);
  workload::Arrays golden = workload::read_npz(folder / (name + "." + precision + ".npz"));

  const std::vector<float> losses = golden.at("loss").floats(), spread = golden.at("spread.loss").floats();
  ASSERT_EQ(outcome.loss.size(), losses.size());
  double largest = 0;
  for (std::size_t step = 0; step < losses.size(); ++step) {
    const double allowed = std::max<double>(tolerance, 4 * spread[step]);
    EXPECT_NEAR(outcome.loss[step], losses[step], allowed * losses[step]) << "step " << step;
    largest = std::max(largest, std::abs(outcome.loss[step] / losses[step] - 1));
  }
  testing::Test::RecordProperty("largest_relative_error_of_a_loss", fmt::format("{:.1e}", largest));

  std::size_t compared = 0;
  for (const auto& [parameter, expected] : golden) {
    if (parameter == "loss" || parameter.starts_with("spread.")) continue;
    ASSERT_TRUE(outcome.weights.contains(parameter)) << parameter;
    const std::vector<float> wanted = expected.floats(), got = outcome.weights.at(parameter).floats();
    ASSERT_EQ(got.size(), wanted.size());
    float magnitude = 0, error = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      magnitude = std::max(magnitude, std::abs(wanted[i]));
      error = std::max(error, std::abs(got[i] - wanted[i]));
    }
    EXPECT_LE(error, std::max<double>(tolerance, 4 * golden.at("spread." + parameter).floats()[0]) * magnitude)
        << parameter;
    ++compared;
  }
  EXPECT_TRUE(compared == 0 || compared == outcome.weights.size());  // of some goldens only the losses are kept
}

TEST(ZooGolden, ResNet) {
  expect_golden("resnet-50-mini", "fp32", 1e-4);
}
TEST(ZooGolden, ResNetInBf16) {
  expect_golden("resnet-50-mini", "bf16", 1e-3);
}
TEST(ZooGolden, Bert) {
  expect_golden("bert-base-mini", "fp32", 1e-4);
}
TEST(ZooGolden, BertInBf16) {
  expect_golden("bert-base-mini", "bf16", 1e-3);
}
TEST(ZooGolden, Lstm) {
  expect_golden("lstm-sentiment-mini", "fp32", 1e-4);
}
TEST(ZooGolden, LstmInBf16) {
  expect_golden("lstm-sentiment-mini", "bf16", 1e-3);
}

/// Modules of torch.nn: grouped and transposed convolution, a frozen part, causal and cross attention, shared weights,
/// recurrence in both directions, ctc, group normalisation, upsampling.
class ZooModules : public testing::TestWithParam<const char*> {};

TEST_P(ZooModules, TrainAsPyTorch) {
  expect_golden(GetParam(), "fp32", 1e-4);
}
INSTANTIATE_TEST_SUITE_P(Minis, ZooModules,
                         testing::Values("mobilenet-v1-mini", "dcgan-generator-mini", "gpt-2-mini", "transformer-mini",
                                         "deepspeech-2-mini", "ddpm-unet-mini"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace triad
