#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>

#include "sim/config/node.hpp"
#include "sim/graph/op.hpp"
#include "sim/workload/workload.hpp"

/// The full sizes of configs/workloads against published figures.
namespace triad::workload {
namespace {

/// What is published about a network. A parameter count printed to the last digit is held exactly; where the file's
/// comment says why it differs, the comment's number is held exactly and the published one within `parameters_within`.
struct Figure {
  std::string workload;
  std::int64_t parameters;      ///< trained
  double published_parameters;  ///< as printed
  double parameters_within;     ///< relative
  std::int64_t samples;         ///< in a batch
  double macs;                  ///< multiply-accumulates of one sample's forward pass, published or by formula
  double macs_within;           ///< relative
};
void PrintTo(const Figure& figure, std::ostream* out) {
  *out << figure.workload;
}

/// Multiply-accumulates of the contractions of the forward phase.
double forward_macs(const graph::Graph& graph) {
  double macs = 0;
  for (const graph::Op& op : graph.ops) {
    if (op.phase == graph::Phase::forward && graph::is_contraction(op.kind)) {
      macs += static_cast<double>(graph::flops(graph, op)) / 2;
    }
  }
  return macs;
}

/// L encoder or decoder layers of width h on s tokens, four h x h products of attention, two of h x 4h: the formula of
/// published counts, L(12 h^2 s + 2 s^2 h).
constexpr double transformer(double layers, double width, double tokens) {
  return layers * (12 * width * width * tokens + 2 * tokens * tokens * width);
}

/// Two convolutions, then per frame the weights of the GRUs (3 H (I + H)), of which the first frame of ten has no state
/// to multiply, and the characters.
constexpr double deepspeech = 61.0 * 95 * 32 * 41 * 11 + 21.0 * 85 * 32 * 32 * 21 * 11 +
                              85.0 * 2 * 3 * 800 * (672 + 800 + 4 * 1600) - 10.0 * 3 * 800 * 800 + 85.0 * 800 * 29;
/// Seven convolutions of 16,000 samples, the projection, the convolution of positions, twelve layers, the characters.
constexpr double wav2vec = 512.0 * (3199 * 10 + 512 * (3 * (1599 + 799 + 399 + 199) + 2 * (99 + 49))) +
                           49.0 * 512 * 768 + 50.0 * 768 * 48 * 128 + transformer(12, 768, 49) + 49.0 * 768 * 32;

// Sources: torchvision's model pages (exact counts); Hugging Face's models (exact counts); the papers that each file
// names. MACs: the papers, torchvision, or the formula.
const std::vector<Figure> figures = {
    {"resnet-50", 25'557'032, 25'557'032, 0, 8, 4.0892e9, 2e-5},
    {"alexnet", 61'100'840, 61'100'840, 0, 8, 0.714e9, 1e-3},
    {"vgg-16", 138'357'544, 138'357'544, 0, 8, 15.47e9, 1e-3},
    // The paper prints 569 million mult-adds and 4.2 million parameters.
    {"mobilenet-v1", 4'231'976, 4.2e6, 0.01, 8, 569e6, 1e-3},
    // The paper prints 300 million mult-adds; torchvision 0.301 GMAC.
    {"mobilenet-v2", 3'504'872, 3'504'872, 0, 8, 0.301e9, 2e-3},
    // Parameters: OpenVINO's model zoo for the same network with 1200x1200 images, 20.058 million with running
    // statistics.
    {"ssd-resnet-34", 19'972'534, 20.058e6, 0.005, 8, 0, 0},
    // PyTorch's example: 3,576,704 and 2,765,568; layers 4 H W C K summed: 104.6 and 103.8 MMAC.
    {"dcgan-generator", 3'576'704, 3'576'704, 0, 16, 0.1046e9 + 0.1038e9, 1e-3},
    {"dcgan-discriminator", 2'765'568, 2'765'568, 0, 16, 0.1046e9 + 2 * 0.1038e9, 1e-3},
    // The paper prints 35.7 million parameters; 6.1 GMAC is what profilers print for it.
    {"ddpm-unet", 35'746'307, 35.7e6, 0.002, 8, 6.1e9, 0.02},
    // BertModel of Hugging Face, 109,482,240, and a classifier of 2 x 768 + 2.
    {"bert-base", 109'482'240 + 1'538, 109.5e6, 0.001, 8, transformer(12, 768, 512), 1e-3},
    // Head on 15 % of the tokens.
    {"bert-large", 336'226'108, 335.1e6, 0.004, 8, transformer(24, 1024, 512) + 0.15 * 1024 * 30522 * 512, 2e-3},
    {"gpt-2-small", 124'439'808, 124'439'808, 0, 8, transformer(12, 768, 1024) + 768.0 * 50257 * 1024, 1e-6},
    {"gpt-3-175b", 174'604'259'328, 174.6e9, 1e-4, 1, transformer(96, 12288, 2048) + 12288.0 * 50257 * 2048, 1e-6},
    // The paper prints 65 million. Encoder: as `transformer`; decoder: four more products of its second attention.
    {"transformer-base", 63'082'496, 65e6, 0.03, 16,
     transformer(6, 512, 64) + 6 * (16 * 512.0 * 512 * 64 + 4 * 64.0 * 64 * 512) + 512.0 * 37000 * 64, 1e-6},
    // Keras's example counts one bias a gate: 2,691,713. The first step has no state to multiply.
    {"lstm-sentiment", 2'692'225, 2'691'713, 2e-4, 32, (80 + 79) * 4 * 128 * 128 + 128, 1e-6},
    // The paper compares its models at 38 million parameters.
    {"deepspeech-2", 38'067'968, 38e6, 0.005, 8, deepspeech, 1e-4},
    {"wav2vec2-base", 94'395'424, 94'371'712, 3e-4, 8, wav2vec, 1e-4},
    {"fastspeech-2", 24'451'411, 27e6, 0.1, 8, 0, 0},
    // The paper prints 5.4 million operations: two per MAC.
    {"ds-cnn-s", 23'180, 22'028, 0.06, 16, 5.4e6 / 2, 0.02},
};

class Zoo : public testing::TestWithParam<Figure> {};

TEST_P(Zoo, HasThePublishedSize) {
  const Figure& figure = GetParam();
  const device::Job job = load(config::presets() / "workloads" / (figure.workload + ".yaml"), {"values=off"});
  EXPECT_EQ(job.graph.parameters(), figure.parameters);
  EXPECT_NEAR(static_cast<double>(job.graph.parameters()), figure.published_parameters,
              figure.parameters_within * figure.published_parameters);
  const double macs = forward_macs(job.graph) / static_cast<double>(figure.samples);
  RecordProperty("macs", fmt::format("{:.0f}", macs));
  if (figure.macs != 0) {
    EXPECT_NEAR(macs, figure.macs, figure.macs_within * figure.macs);
  }
}

INSTANTIATE_TEST_SUITE_P(Full, Zoo, testing::ValuesIn(figures), [](const auto& info) {
  std::string name = info.param.workload;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

/// A backward pass is two forward passes, gradients of operands and of weights, but for the gradient of the images:
/// that of the first convolution's input is not computed.
TEST(ZooGraph, BackwardIsTwoForwardPassesButForTheImages) {
  const device::Job job = load(config::presets() / "workloads/resnet-50.yaml");
  double backward = 0;
  for (const graph::Op& op : job.graph.ops) {
    if (op.phase == graph::Phase::forward || !graph::is_contraction(op.kind)) continue;
    backward += static_cast<double>(graph::flops(job.graph, op)) / 2;
  }
  const double first = 8.0 * 112 * 112 * 64 * 3 * 7 * 7;
  EXPECT_EQ(backward, 2 * forward_macs(job.graph) - first);
}

/// The frozen half of a GAN is not trained, and nothing is differentiated that nobody asks for.
TEST(ZooGraph, FrozenBlocksAreConstant) {
  const device::Job job = load(config::presets() / "workloads/dcgan-discriminator.yaml");
  double backward = 0;
  for (const graph::Op& op : job.graph.ops) {
    if (op.phase != graph::Phase::backward || !graph::is_contraction(op.kind)) continue;
    EXPECT_FALSE(op.name.starts_with("generator.")) << op.name;
    backward += static_cast<double>(graph::flops(job.graph, op)) / 2;
  }
  // Twice the discriminator's forward pass of 2 x 16 images, but for the gradient of the images: 16 taps, 3 by 64
  // channels.
  EXPECT_EQ(backward, 32 * (2 * 103'817'216.0 - 32 * 32 * 64 * 3 * 16));
  for (const graph::Tensor& tensor : job.graph.tensors) {
    if (!tensor.name.ends_with(".0.weight")) continue;
    EXPECT_EQ(tensor.role, tensor.name.starts_with("generator.") ? graph::Role::constant : graph::Role::parameter);
  }
}

/// The training step of the largest network is a matter of a second and of megabytes.
TEST(ZooGraph, Gpt3BuildsInSeconds) {
  const auto begin = std::chrono::steady_clock::now();
  const device::Job job = load(config::presets() / "workloads/gpt-3-175b.yaml");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  RecordProperty("ops", std::to_string(job.graph.ops.size()));
  RecordProperty("seconds", fmt::format("{:.2f}", seconds));
  RecordProperty("peak_mib", std::to_string(usage.ru_maxrss / 1024));
  EXPECT_FALSE(job.values);
  EXPECT_LT(seconds, 10);
  EXPECT_LT(usage.ru_maxrss, 2 * 1024 * 1024);  // KiB
}

}  // namespace
}  // namespace triad::workload
