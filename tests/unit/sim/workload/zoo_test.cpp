#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

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
    // Parameters: OpenVINO's model zoo for the same network with 1200x1200 images, 20.058 million.
    {"ssd-resnet-34", 20'040'866, 20.058e6, 0.002, 8, 0, 0},
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
    // Keras's example counts one bias a gate: 2,691,713.
    {"lstm-sentiment", 2'692'225, 2'691'713, 2e-4, 32, 80 * 4 * 128 * 256 + 128, 1e-6},
    // The paper compares its models at 38 million parameters.
    {"deepspeech-2", 38'122'464, 38e6, 0.005, 8, 0, 0},
    {"wav2vec2-base", 94'395'424, 94'371'712, 3e-4, 8, 0, 0},
    {"fastspeech-2", 24'505'555, 27e6, 0.1, 8, 0, 0},
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

}  // namespace
}  // namespace triad::workload
