#include <algorithm>

#include "support.hpp"

/// The minis of tests/golden/zoo on the GPU: convolutions, batch norm, max pooling and residuals (ResNet); embeddings,
/// attention, layer norm (BERT); an unrolled LSTM. Every step's loss and the final parameters against PyTorch, hazard
/// checks on.
namespace triad::gpu {
namespace {

struct Case {
  const char *preset, *workload, *precision;
  std::size_t steps = 0;  ///< 0: all, and the final parameters
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.workload << " in " << c.precision << " on " << c.preset;
}

class Zoo : public testing::TestWithParam<Case> {};

TEST_P(Zoo, TrainsAsPyTorch) {
  const Case& c = GetParam();
  test::expect_golden(*test::make(c.preset), c.workload, c.precision,
                      c.precision == std::string("fp32") ? test::fp32 : test::bf16, c.steps);
}

const auto name_of = [](const testing::TestParamInfo<Case>& info) {
  std::string name = std::string(info.param.preset) + "_" + info.param.workload + "_" + info.param.precision;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
};

INSTANTIATE_TEST_SUITE_P(Minis, Zoo,
                         testing::Values(Case{"tiny", "resnet-50-mini", "fp32"}, Case{"tiny", "resnet-50-mini", "bf16"},
                                         Case{"tiny", "bert-base-mini", "fp32"}, Case{"tiny", "bert-base-mini", "bf16"},
                                         Case{"tiny", "lstm-sentiment-mini", "fp32"},
                                         Case{"tiny", "lstm-sentiment-mini", "bf16"},
                                         Case{"a100", "resnet-50-mini", "fp32"}, Case{"a100", "resnet-50-mini", "bf16"},
                                         Case{"a100", "bert-base-mini", "fp32"}, Case{"a100", "bert-base-mini", "bf16"},
                                         Case{"a100", "lstm-sentiment-mini", "fp32"},
                                         Case{"a100", "lstm-sentiment-mini", "bf16"}),
                         name_of);

/// Grouped and transposed convolution, a frozen part, causal and cross attention, shared weights, recurrence in both
/// directions, ctc, group normalisation, upsampling.
INSTANTIATE_TEST_SUITE_P(
    Others, Zoo,
    testing::Values(Case{"a100", "mobilenet-v1-mini", "fp32", 3}, Case{"a100", "dcgan-generator-mini", "fp32", 3},
                    Case{"a100", "gpt-2-mini", "fp32", 3}, Case{"a100", "transformer-mini", "fp32", 3},
                    Case{"a100", "deepspeech-2-mini", "fp32", 3}, Case{"a100", "ddpm-unet-mini", "fp32", 3}),
    name_of);

}  // namespace
}  // namespace triad::gpu
