#include "sim/workload/quantization.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "sim/graph/op.hpp"
#include "sim/reference/reference.hpp"
#include "sim/workload/npz.hpp"
#include "sim/workload/workload.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;

class Quantization : public testing::Test {
 protected:
  Quantization() {
    folder_ = std::filesystem::path(testing::TempDir()) / ("quantization_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Quantization() override { std::filesystem::remove_all(folder_); }

  device::Job job(const std::string& yaml) {
    std::ofstream(folder_ / "w.yaml") << yaml;
    return load(folder_ / "w.yaml");
  }
  std::vector<float> output(const std::string& yaml) {
    const device::Weights outputs = reference::run(job(yaml)).outputs;
    EXPECT_EQ(outputs.size(), 1u);
    return outputs.begin()->second.floats();
  }
  std::filesystem::path folder_;
};

TEST_F(Quantization, OfALinearLayerByHand) {
  write_npz(folder_ / "d.npz", {{"x", HostTensor::of({1, 2}, {0.5, -2})}});
  write_npz(folder_ / "i.npz", {{"fc.weight", HostTensor::of({2, 2}, {0.25, -1, 2.5, 4})}});
  const std::string yaml = R"(name: n
input: {shape: [1, 2]}
layers: [{type: linear, name: fc, out_features: 2, bias: false}]
data: {file: d.npz}
initial: {file: i.npz}
steps: 1
precision: int8
)";
  // Scales: of x 2/127, of the weight's rows 1/127 and 4/127. In int8: x = round(31.75) = 32 and -127;
  // weight rows round(31.75) = 32, -127 and round(79.375) = 79, 127.
  const std::vector<float> y = output(yaml);
  EXPECT_NEAR(y[0], (32 * 32 + 127 * 127) * 2.0 * 1.0 / (127 * 127), 1e-5);  // 2.12698; exact would be 2.125
  EXPECT_NEAR(y[1], (32 * 79 - 127 * 127) * 2.0 * 4.0 / (127 * 127), 1e-5);  // -6.7461; exact would be -6.75
  // What depends on the weights alone was quantised once: the run multiplies int8 constants.
  const device::Job quantized = job(yaml);
  EXPECT_EQ(quantized.precision, numerics::Format::int8);
  std::vector<std::string> kinds;
  for (const graph::Op& op : quantized.graph.ops) kinds.push_back(graph::to_string(op.kind));
  EXPECT_EQ(kinds, (std::vector<std::string>{"quantize", "matmul", "dequantize"}));
}

const std::string cnn = R"(name: cnn
input: {shape: [16, 3, 12, 12]}
layers:
  - {type: conv2d, name: conv1, out_channels: 8, kernel: 3, padding: 1}
  - {type: batch_norm, name: bn}
  - {type: relu}
  - {type: max_pool, kernel: 2}
  - {type: conv2d, name: conv2, out_channels: 16, kernel: 3, groups: 2}
  - {type: relu}
  - {type: conv_transpose2d, name: up, out_channels: 8, kernel: 2, stride: 2}
  - {type: global_average_pool}
  - {type: linear, name: fc, out_features: 10}
loss: cross_entropy
optimizer: {type: sgd, learning_rate: 0.1}
steps: 2
data: {samples: 32}
)";
const std::string mlp = R"(name: mlp
input: {shape: [32, 64]}
layers:
  - {type: linear, name: fc1, out_features: 48}
  - {type: relu}
  - {type: linear, name: fc2, out_features: 10}
loss: cross_entropy
optimizer: {type: sgd, learning_rate: 0.1}
steps: 2
data: {samples: 64}
)";
const std::string attention = R"(name: attention
input: {shape: [4, 10, 16]}
layers:
  - {type: transformer_encoder_layer, name: e, heads: 4, feed_forward: 32, causal: true}
  - {type: linear, name: fc, out_features: 10}
loss: mse
optimizer: {type: sgd, learning_rate: 0.1}
steps: 1
)";

/// The relative error in the L2 norm.
double error(const std::vector<float>& got, const std::vector<float>& wanted) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    difference += std::pow(static_cast<double>(got[i] - wanted[i]), 2);
    size += std::pow(static_cast<double>(wanted[i]), 2);
  }
  return std::sqrt(difference / size);
}

/// 8 bits leave steps of 1/127 of the largest value: errors of a few thousandths per layer. Not exact: an int8 run that
/// were fp32 in disguise would have error 0.
TEST_F(Quantization, StaysNearFp32) {
  for (const auto& [name, yaml, most] :
       {std::tuple{"mlp", mlp, 0.02}, {"cnn", cnn, 0.02}, {"attention", attention, 0.03}}) {
    const double off = error(output(yaml + "precision: int8\n"), output(yaml + "inference: on\n"));
    RecordProperty(std::string(name) + "_error", std::to_string(off));
    EXPECT_LT(off, most) << name;
    EXPECT_GT(off, 1e-4) << name;
  }
}

/// Every network of the zoo that is small enough runs in int8: convolutions of all kinds, attention, recurrent layers.
TEST(QuantizationOfTheZoo, StaysNearFp32) {
  int networks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(config::presets() / "workloads")) {
    if (!entry.path().stem().string().ends_with("-mini")) continue;
    const auto run = [&](const std::string& how) {
      return reference::run(load(entry.path(), {how, "steps=1"})).outputs.begin()->second.floats();
    };
    EXPECT_LT(error(run("precision=int8"), run("inference=on")), 0.05) << entry.path().stem();
    ++networks;
  }
  EXPECT_GE(networks, 12);
}

/// A network trained in fp32 decides in int8 as it does in fp32, but for at most one sample of 32.
TEST_F(Quantization, DecidesLikeFp32AfterTraining) {
  for (std::string yaml : {cnn, mlp}) {
    if (const auto norm = yaml.find("  - {type: batch_norm, name: bn}\n"); norm != std::string::npos) {
      yaml.erase(norm, std::string("  - {type: batch_norm, name: bn}\n").size());
    }
    yaml.replace(yaml.find("steps: 2"), 8, "steps: 60");
    const device::Job training = job(yaml);
    const reference::Outcome trained = reference::run(training);
    EXPECT_LT(trained.loss.back(), trained.loss.front());
    write_npz(folder_ / "i.npz", trained.weights);
    const std::string with = yaml + "initial: {file: i.npz}\n";
    const std::vector<float> exact = output(with + "inference: on\n"), coarse = output(with + "precision: int8\n");
    int moved = 0;
    for (std::size_t row = 0; row < exact.size(); row += 10) {
      const auto decided = [row](const std::vector<float>& v) {
        const auto begin = v.begin() + static_cast<std::ptrdiff_t>(row);
        return std::max_element(begin, begin + 10) - begin;
      };
      moved += decided(exact) != decided(coarse);
    }
    EXPECT_LE(moved, 1);
  }
}

TEST_F(Quantization, EveryContractionIsInt8) {
  for (const std::string& yaml : {cnn, mlp, attention}) {
    const device::Job quantized = job(yaml + "precision: int8\n");
    int contractions = 0;
    for (const graph::Op& op : quantized.graph.ops) {
      if (!graph::is_contraction(op.kind)) continue;
      ++contractions;
      for (const graph::TensorId id : op.inputs) {
        EXPECT_EQ(quantized.graph.tensor(id).format, numerics::Format::int8) << op.name;
      }
    }
    EXPECT_GT(contractions, 1);
    EXPECT_EQ(quantized.graph.loss, -1);
    EXPECT_TRUE(quantized.graph.updates.empty());
  }
}

TEST_F(Quantization, WithoutValuesTheGraphIsTheSame) {
  const auto ops = [](const device::Job& job) {
    std::string text;
    for (const graph::Op& op : job.graph.ops) {
      text += op.name + " " + graph::to_string(op.kind);
      for (const graph::TensorId id : op.inputs) text += " " + graph::to_string(job.graph.tensor(id).shape);
      text += "\n";
    }
    return text;
  };
  const device::Job with = job(cnn + "precision: int8\n"), without = job(cnn + "precision: int8\nvalues: off\n");
  EXPECT_EQ(ops(with), ops(without));
  EXPECT_TRUE(without.initial.empty());
  for (const auto& [id, batches] : without.batches) {
    for (const device::HostTensor& batch : batches) EXPECT_TRUE(batch.bytes.empty());
  }
}

/// Inference takes the running statistics, not the batch's: the output of a sample does not depend on its batch.
TEST_F(Quantization, InferenceUsesRunningStatistics) {
  const HostTensor x = HostTensor::of({2, 1}, {3, 5});
  write_npz(folder_ / "d.npz", {{"x", x}});
  write_npz(folder_ / "i.npz", {{"bn.weight", HostTensor::of({1}, {2})},
                                {"bn.bias", HostTensor::of({1}, {1})},
                                {"bn.running_mean", HostTensor::of({1}, {1})},
                                {"bn.running_var", HostTensor::of({1}, {4})},
                                {"bn.num_batches_tracked", HostTensor::of_integers({}, {7})}});
  const std::vector<float> y = output(R"(name: n
input: {shape: [2, 1]}
layers: [{type: batch_norm, name: bn, epsilon: 0}, {type: dropout, probability: 0.9}]
data: {file: d.npz}
initial: {file: i.npz}
steps: 1
inference: on
)");
  EXPECT_EQ(y, (std::vector<float>{3, 5}));  // (3 - 1) / 2 * 2 + 1, (5 - 1) / 2 * 2 + 1
}

TEST_F(Quantization, NamesWhatIsWrong) {
  const auto rejection = [&](const std::string& yaml) -> std::string {
    try {
      job(yaml);
    } catch (const config::Error& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_NE(rejection(mlp + "precision: int8\ninference: off\n").find("int8 is for inference: it has no gradients"),
            std::string::npos);
  EXPECT_NE(rejection(mlp + "precision: int8\ncalibration: {batches: 0}\n").find("calibration.batches: must be"),
            std::string::npos);
  EXPECT_NE(rejection(mlp + "precision: int8\ncalibration: {batch: 1}\n").find("batch"), std::string::npos);
}

}  // namespace
}  // namespace triad::workload
