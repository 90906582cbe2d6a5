#include "sim/workload/synthetic.hpp"
#include "sim/graph/training.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "sim/graph/training.hpp"
#include "sim/reference/reference.hpp"
#include "sim/workload/random.hpp"
#include "sim/workload/workload.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;

/// Samples by name.
std::map<std::string, HostTensor> samples(const std::string& body, std::int64_t count) {
  const config::Node node = config::parse("name: w\n" + body);
  const Network network = read_network(node, numerics::Format::fp32, true);
  std::map<std::string, HostTensor> result;
  for (const auto& [id, values] : synthesize(network, 7, count)) result[network.graph.tensor(id).name] = values;
  return result;
}

TEST(Synthetic, InputsAreWhatTheirKindSays) {
  const auto made = samples(R"(inputs:
  tokens: {shape: [2, 9], classes: 5}
  mask: {shape: [2, 9], synthetic: mask}
  frames: {shape: [2], classes: 13, synthetic: lengths}
layers:
  - {type: embedding, name: e, classes: 5, width: 4}
  - {type: linear, name: fc, out_features: 5}
loss: {type: ctc, labels: 3, input_lengths: frames, label_lengths: words}
)",
                            64);
  const std::vector<std::int32_t> tokens = made.at("tokens").integers();
  EXPECT_EQ(*std::ranges::min_element(tokens), 0);
  EXPECT_EQ(*std::ranges::max_element(tokens), 4);
  const Random random(7, "tokens");
  EXPECT_EQ(tokens[3], static_cast<std::int32_t>((static_cast<double>(random.uniform(3)) + 1) / 2 * 5));

  // Ones, then zeros; at least 5 of 9 are ones, and rows differ.
  const std::vector<float> mask = made.at("mask").floats();
  std::map<std::ptrdiff_t, int> lengths;
  for (auto row = mask.begin(); row != mask.end(); row += 9) {
    EXPECT_TRUE(std::is_sorted(row, row + 9, std::greater<>()));
    ++lengths[std::count(row, row + 9, 1.0f)];
  }
  EXPECT_GE(lengths.begin()->first, 5);
  EXPECT_EQ(lengths.rbegin()->first, 9);
  EXPECT_GT(lengths.size(), 3u);

  for (const auto& [name, longest] : {std::pair{"frames", 12}, {"words", 3}}) {
    for (const std::int32_t length : made.at(name).integers()) {
      EXPECT_GE(length, longest - longest / 2);
      EXPECT_LE(length, longest);
    }
  }
  const std::vector<std::int32_t> labels = made.at("y").integers();  // never the blank, 0
  EXPECT_EQ(*std::ranges::min_element(labels), 1);
  EXPECT_EQ(*std::ranges::max_element(labels), 4);
}

/// The class of a position is a function of the features there: equal tokens have equal classes.
TEST(Synthetic, PositionsHaveClassesOfTheirOwn) {
  const auto made = samples(R"(inputs: {tokens: {shape: [2, 9], classes: 6}}
layers:
  - {type: embedding, name: e, classes: 6, width: 4}
  - {type: linear, name: fc, out_features: 7}
loss: cross_entropy
)",
                            16);
  const std::vector<std::int32_t> tokens = made.at("tokens").integers(), classes = made.at("y").integers();
  ASSERT_EQ(classes.size(), tokens.size());
  std::map<std::int32_t, std::int32_t> seen;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_EQ(seen.try_emplace(tokens[i], classes[i]).first->second, classes[i]);
  }
  EXPECT_GT(seen.size(), 2u);
}

/// The score of a sample, from its definition; of many features every s-th counts.
TEST(Synthetic, TeachersScoreEveryStrideOfManyFeatures) {
  const auto made = samples(R"(input: {shape: [1, 10000]}
layers: [{type: linear, name: fc, out_features: 2}]
loss: mse
)",
                            2);
  const std::vector<float> x = made.at("x").floats(), y = made.at("y").floats();
  const Random teacher(7, "teacher");
  for (std::size_t sample = 0; sample < 2; ++sample) {
    for (std::size_t output = 0; output < 2; ++output) {
      double score = 0;  // 10000 / 4096 rounded up: stride 3, 3334 features
      for (std::size_t f = 0; f < 3334; ++f) {
        score += static_cast<double>(x[sample * 10000 + 3 * f]) * teacher.uniform(output * 3334 + f);
      }
      EXPECT_FLOAT_EQ(y[sample * 2 + output], static_cast<float>(score));
    }
  }
}

TEST(Synthetic, SignsAreOfTheScore) {
  const auto made = samples(R"(input: {shape: [1, 6]}
layers: [{type: linear, name: fc, out_features: 1}]
loss: [{type: mse}, {type: bce_with_logits, target: t}]
)",
                            40);
  const std::vector<float> score = made.at("y").floats(), sign = made.at("t").floats();
  for (std::size_t i = 0; i < sign.size(); ++i) EXPECT_EQ(sign[i], score[i] > 0 ? 1.0f : 0.0f);
  EXPECT_GT(std::ranges::count(sign, 1.0f), 0);
  EXPECT_GT(std::ranges::count(sign, 0.0f), 0);
}

/// Recomputing activations changes what is kept, not what is computed.
TEST(Recompute, TrainsToTheSameBits) {
  const std::string yaml = R"(name: w
input: {shape: [4, 6]}
layers:
  - {type: linear, name: fc1, out_features: 8}
  - {type: gelu}
  - {type: layer_norm, name: norm}
  - {type: linear, name: fc2, out_features: 3}
  - {type: dropout, probability: 0.2}
loss: mse
optimizer: {type: adam, learning_rate: 0.01}
steps: 3
)";
  const device::Job kept = read(config::parse(yaml)), again = read(config::parse(yaml + "recompute: on\n"));
  EXPECT_GT(again.graph.ops.size(), kept.graph.ops.size());
  EXPECT_EQ(reference::run(again).loss, reference::run(kept).loss);
  const device::Job off = read(config::parse(yaml + "recompute: off\n"));
  EXPECT_EQ(off.graph.ops.size(), kept.graph.ops.size());
}

/// Without values nothing is read: not even a file that does not exist.
/// No parameter is read or made; of the data only how many batches there are, which decides about addresses.
TEST(Values, OffMakesNoData) {
  const std::string yaml = R"(name: w
input: {shape: [4, 6]}
layers: [{type: linear, name: fc1, out_features: 8}]
loss: mse
optimizer: {type: adam, learning_rate: 0.01}
steps: 3
data: {samples: 12}
initial: {file: nowhere.npz}
values: off
)";
  const device::Job job = read(config::parse(yaml));
  EXPECT_FALSE(job.values);
  EXPECT_TRUE(job.initial.empty());
  for (const auto& [id, batches] : job.batches) {
    const graph::Tensor& tensor = job.graph.tensor(id);
    EXPECT_EQ(batches.size(), tensor.name == graph::learning_rate_name ? 1u : 3u) << tensor.name;  // 12 / 4; 3 steps
    for (const device::HostTensor& batch : batches) {
      EXPECT_EQ(batch.shape, tensor.shape);
      EXPECT_TRUE(batch.bytes.empty());
    }
  }
  EXPECT_GT(job.graph.flops(), 0);
}

}  // namespace
}  // namespace triad::workload
