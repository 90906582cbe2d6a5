#include <sys/resource.h>

#include <chrono>

#include "sim/reference/reference.hpp"
#include "support.hpp"

/// Networks of the zoo on the ASIC, hazard checks on: convolutional, attention and recurrent ones against PyTorch
/// (tests/golden/zoo/make.py), the others against the host reference.
namespace triad::asic {
namespace {

struct Case {
  const char *preset, *workload, *precision;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.workload << " on " << c.preset << " in " << c.precision;
}
std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name = fmt::format("{}_{}_{}", info.param.workload, info.param.preset, info.param.precision);
  std::ranges::replace(name, '-', '_');
  return name;
}

class Golden : public testing::TestWithParam<Case> {};

TEST_P(Golden, TrainsAsPyTorch) {
  const Case& c = GetParam();
  const bool whole = std::string(c.precision) == "fp32";
  test::expect_golden(*test::make(c.preset), c.workload, c.precision, whole ? test::fp32 : test::bf16);
}
INSTANTIATE_TEST_SUITE_P(Zoo, Golden,
                         testing::Values(Case{"tiny", "resnet-50-mini", "fp32"}, Case{"tiny", "resnet-50-mini", "bf16"},
                                         Case{"tiny", "bert-base-mini", "fp32"}, Case{"tiny", "bert-base-mini", "bf16"},
                                         Case{"tiny", "lstm-sentiment-mini", "fp32"},
                                         Case{"tiny", "lstm-sentiment-mini", "bf16"},
                                         Case{"nvdla-2048-train", "resnet-50-mini", "fp32"},
                                         Case{"nvdla-2048-train", "resnet-50-mini", "bf16"},
                                         Case{"nvdla-2048-train", "bert-base-mini", "fp32"},
                                         Case{"nvdla-2048-train", "bert-base-mini", "bf16"},
                                         Case{"nvdla-2048-train", "lstm-sentiment-mini", "fp32"},
                                         Case{"nvdla-2048-train", "lstm-sentiment-mini", "bf16"},
                                         Case{"nvdla-2048-train", "dcgan-generator-mini", "fp32"},
                                         Case{"nvdla-2048-train", "gpt-2-mini", "fp32"},
                                         Case{"nvdla-2048-train", "transformer-mini", "fp32"}),
                         name_of);

/// With plain SGD: the steps of Adam, near a gradient of zero, have the sign of the last bit of a sum.
class Reference : public testing::TestWithParam<Case> {};

TEST_P(Reference, TwoStepsAreTheHosts) {
  const Case& c = GetParam();
  const device::Job job = test::load(
      c.workload, {"steps=2", "optimizer={type: sgd, learning_rate: 0.05}", std::string("precision=") + c.precision});
  const device::RunResult result = test::run(*test::make(c.preset), job);
  const reference::Outcome expected = reference::run(job);
  ASSERT_EQ(result.loss.size(), 2u);
  for (std::size_t i = 0; i < result.loss.size(); ++i) {
    EXPECT_NEAR(result.loss[i], expected.loss[i], 1e-5 * expected.loss[i]);
  }
  ASSERT_FALSE(result.weights.empty());
  for (const auto& [name, weights] : expected.weights) {
    // In the L2 norm; what a normalisation behind it makes irrelevant stays at zero but for rounding.
    const std::vector<float> wanted = weights.floats(), got = result.weights.at(name).floats();
    double error = 0, size = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      error += std::pow(got[i] - wanted[i], 2);
      size += std::pow(wanted[i], 2);
    }
    EXPECT_LE(std::sqrt(error), std::max(2e-5 * std::sqrt(size), 1e-7 * std::sqrt(wanted.size()))) << name;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Zoo, Reference,
    testing::Values(Case{"tiny", "alexnet-mini", "fp32"}, Case{"tiny", "mobilenet-v1-mini", "fp32"},
                    Case{"tiny", "dcgan-discriminator-mini", "fp32"}, Case{"tiny", "ds-cnn-mini", "fp32"},
                    Case{"tiny", "transformer-mini", "fp32"}, Case{"nvdla-2048-train", "vgg-16-mini", "fp32"},
                    Case{"nvdla-2048-train", "mobilenet-v2-mini", "fp32"}, Case{"nvdla-2048-train", "ssd-mini", "fp32"},
                    Case{"nvdla-2048-train", "ddpm-unet-mini", "fp32"},
                    Case{"nvdla-2048-train", "deepspeech-2-mini", "fp32"},
                    Case{"nvdla-2048-train", "wav2vec2-mini", "fp32"},
                    Case{"nvdla-2048-train", "fastspeech-2-mini", "fp32"}),
    name_of);

/// Timing never depends on data: without values the same cycles, states, counts and energy.
class WithoutValues : public testing::TestWithParam<Case> {};

TEST_P(WithoutValues, TheSameCycles) {
  const Case& c = GetParam();
  const std::vector<std::string> settings = {"steps=1", std::string("precision=") + c.precision};
  std::vector<std::string> off = settings;
  off.push_back("values=off");
  const auto device = test::make(c.preset);
  const device::RunResult with = test::run(*device, test::load(c.workload, settings)),
                          without = test::run(*device, test::load(c.workload, off));
  EXPECT_EQ(with.cycles, without.cycles);
  EXPECT_EQ(with.energy_joules, without.energy_joules);
  EXPECT_EQ(with.read_bytes, without.read_bytes);
  EXPECT_EQ(with.written_bytes, without.written_bytes);
  ASSERT_EQ(with.units.size(), without.units.size());
  for (std::size_t u = 0; u < with.units.size(); ++u) {
    EXPECT_EQ(with.units[u].cycles, without.units[u].cycles) << with.units[u].name;
    EXPECT_EQ(with.units[u].actions, without.units[u].actions) << with.units[u].name;
  }
  EXPECT_TRUE(without.loss.empty());
  EXPECT_TRUE(without.weights.empty());
}
INSTANTIATE_TEST_SUITE_P(Zoo, WithoutValues,
                         testing::Values(Case{"tiny", "resnet-50-mini", "fp32"}, Case{"tiny", "bert-base-mini", "bf16"},
                                         Case{"tiny", "lstm-sentiment-mini", "fp32"},
                                         Case{"nvdla-2048-train", "resnet-50-mini", "bf16"},
                                         Case{"nvdla-2048-train", "bert-base-mini", "fp32"},
                                         Case{"nvdla-2048-train", "ssd-mini", "fp32"}),
                         name_of);

TEST(Capacity, WithoutValuesALargerWorkloadRuns) {
  const test::Settings settings = {"memory.capacity=16 KiB"};
  const device::Job job = test::load("bert-base-mini", {"steps=1", "values=off"});
  const device::RunResult small = test::run(*test::make("tiny", settings), job),
                          large = test::run(*test::make("tiny"), job);
  EXPECT_FALSE(small.fits_memory);
  EXPECT_TRUE(large.fits_memory);
  EXPECT_EQ(small.cycles, large.cycles);
  EXPECT_THROW(test::make("tiny", settings)->lower(test::load("bert-base-mini", {"steps=1"})), device::Unsupported);
}

/// 96 layers of width 12288: a layer of hardware per op, in seconds and little memory, though no such memory exists.
TEST(Capacity, Gpt3IsLowered) {
  const auto device = test::make("nvdla-2048-train");
  const auto begin = std::chrono::steady_clock::now();
  const device::Job job = test::load("gpt-3-175b");
  const auto lowered = device->lower(job);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const Program& program = dynamic_cast<const Program&>(*lowered);
  EXPECT_FALSE(job.values);
  EXPECT_FALSE(program.fits_memory);
  EXPECT_GT(program.bytes, std::uint64_t{1} << 40);
  EXPECT_LE(program.stream.size(), 2 * job.graph.ops.size());
  EXPECT_LT(seconds, 10);
  rusage usage{};
  ASSERT_EQ(::getrusage(RUSAGE_SELF, &usage), 0);
  EXPECT_LT(usage.ru_maxrss, 2 << 20);  // KiB
}

}  // namespace
}  // namespace triad::asic
