#include "sim/workload/workload.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "sim/graph/op.hpp"
#include "sim/workload/npz.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using graph::TensorId;
using numerics::Format;

/// A folder of its own for each test.
class Workload : public testing::Test {
 protected:
  Workload() {
    folder_ = std::filesystem::path(testing::TempDir()) / ("workload_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Workload() override { std::filesystem::remove_all(folder_); }

  device::Job job(const std::string& yaml) {
    std::ofstream(folder_ / "w.yaml") << yaml;
    return load(folder_ / "w.yaml");
  }
  /// The message of the error, without the folder's name.
  std::string rejection(const std::string& yaml) {
    try {
      job(yaml);
    } catch (const config::Error& error) {
      std::string message = error.what();
      const std::string prefix = folder_.string() + "/";
      for (std::size_t at; (at = message.find(prefix)) != std::string::npos;) message.erase(at, prefix.size());
      return message;
    }
    return "accepted";
  }
  std::filesystem::path folder_;
};

const std::string two_layers = R"(name: net
input: {shape: [2, 3]}
layers:
  - {type: linear, name: fc1, out_features: 4}
  - {type: relu}
  - {type: linear, out_features: 2}
loss: cross_entropy
optimizer: {type: sgd, learning_rate: 0.5, momentum: 0.9}
steps: 7
)";

TensorId find(const device::Job& job, const std::string& name) {
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    if (job.graph.tensors[i].name == name) return static_cast<TensorId>(i);
  }
  ADD_FAILURE() << "no tensor " << name;
  return -1;
}

TEST_F(Workload, BuildsTheTrainingStep) {
  const device::Job net = job(two_layers);
  EXPECT_EQ(net.name, "net");
  EXPECT_EQ(net.steps, 7);
  EXPECT_EQ(net.precision, Format::fp32);
  EXPECT_EQ(net.graph.parameters(), 4 * 3 + 4 + 2 * 4 + 2);
  EXPECT_EQ(net.graph.tensor(find(net, "fc1.weight")).shape, (graph::Shape{4, 3}));
  EXPECT_EQ(net.graph.tensor(find(net, "2.weight")).shape,
            (graph::Shape{2, 4}));  // third of the list, as in Sequential
  EXPECT_EQ(net.graph.ops.back().number("momentum"), 0.9);
  // Four parameters and a velocity of zeros for each.
  EXPECT_EQ(
      std::ranges::count_if(
          net.initial, [&](const auto& value) { return net.graph.tensor(value.first).role != graph::Role::constant; }),
      8);
  EXPECT_EQ(net.initial.at(find(net, "loss.grad")).floats(), (std::vector<float>{1}));
  EXPECT_EQ(net.batches.at(find(net, "learning_rate")).size(), 1u);  // the same in every step
  EXPECT_EQ(net.batches.at(find(net, "learning_rate"))[0].floats(), (std::vector<float>{0.5}));
  EXPECT_EQ(net.initial.at(find(net, "fc1.bias.velocity")).floats(), (std::vector<float>{0, 0, 0, 0}));
}

TEST_F(Workload, SyntheticInitialValuesFollowPyTorchsRange) {
  const device::Job net = job(two_layers);
  const float bound = 1.0f / std::sqrt(3.0f);
  float largest = 0;
  for (const float w : net.initial.at(find(net, "fc1.weight")).floats()) largest = std::max(largest, std::abs(w));
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, bound / 2);
  const device::Job other = job(two_layers + "initial: {seed: 1}\n");
  EXPECT_NE(other.initial.at(find(other, "fc1.weight")).bytes, net.initial.at(find(net, "fc1.weight")).bytes);
  EXPECT_EQ(other.batches.at(find(other, "x"))[0].bytes, net.batches.at(find(net, "x"))[0].bytes);
}

TEST_F(Workload, Bf16CastsTheOperandsOfContractions) {
  const device::Job net = job(two_layers + "precision: bf16\n");
  for (const graph::Op& op : net.graph.ops) {
    if (!graph::is_contraction(op.kind)) continue;
    for (const TensorId id : op.inputs) EXPECT_EQ(net.graph.tensor(id).format, Format::bf16) << op.name;
  }
  EXPECT_EQ(net.graph.tensor(find(net, "fc1.weight")).format, Format::fp32);  // the master weight
}

TEST_F(Workload, BatchesWrapAround) {
  write_npz(folder_ / "d.npz", {{"x", HostTensor::of({3, 1}, {10, 11, 12})}, {"y", HostTensor::of({3, 1}, {0, 1, 2})}});
  const std::string net = R"(name: net
input: {shape: [2, 1]}
layers: [{type: linear, out_features: 1}]
loss: mse
optimizer: {type: sgd, learning_rate: 0.1}
data: {file: d.npz}
steps: )";
  const device::Job all = job(net + "100");
  // 3 samples in batches of 2 repeat after lcm(3, 2) / 2 = 3 steps: 0 1, 2 0, 1 2.
  const auto& x = all.batches.at(find(all, "x"));
  ASSERT_EQ(x.size(), 3u);
  EXPECT_EQ(x[0].floats(), (std::vector<float>{10, 11}));
  EXPECT_EQ(x[1].floats(), (std::vector<float>{12, 10}));
  EXPECT_EQ(x[2].floats(), (std::vector<float>{11, 12}));
  EXPECT_EQ(all.batches.at(find(all, "y"))[1].floats(), (std::vector<float>{2, 0}));
  const device::Job two = job(net + "2");
  EXPECT_EQ(two.batches.at(find(two, "x")).size(), 2u);  // no more than there are steps
}

TEST_F(Workload, ReadsDataAndInitialValuesFromFiles) {
  const device::Job synthetic = job(two_layers);
  Arrays initial;
  for (const auto& [id, tensor] : synthetic.initial) {
    if (synthetic.graph.tensor(id).role == graph::Role::parameter) initial[synthetic.graph.tensor(id).name] = tensor;
  }
  write_npz(folder_ / "init.npz", initial);
  write_npz(folder_ / "data.npz", {{"x", synthetic.batches.at(find(synthetic, "x"))[0]},
                                   {"y", synthetic.batches.at(find(synthetic, "y"))[0]}});
  const device::Job read = job(two_layers + "data: {file: data.npz}\ninitial: {file: init.npz}\n");
  for (const auto& [id, tensor] : synthetic.initial) EXPECT_EQ(read.initial.at(id).bytes, tensor.bytes);
  for (const auto& [id, batches] : synthetic.batches) EXPECT_EQ(read.batches.at(id)[0].bytes, batches[0].bytes);
}

TEST_F(Workload, FlattensOrTakesTheLastAxis) {
  const std::string image = R"(name: net
input: {shape: [2, 3, 5]}
layers: [{type: flatten}, {type: linear, out_features: 1}]
loss: mse
optimizer: {type: sgd, learning_rate: 0.1}
steps: 1
)";
  const device::Job net = job(image);
  EXPECT_EQ(net.graph.tensor(find(net, "1.weight")).shape, (graph::Shape{1, 15}));
  std::string without = image;
  without.replace(without.find("{type: flatten}, "), 17, "");
  const device::Job last = job(without);
  EXPECT_EQ(last.graph.tensor(find(last, "0.weight")).shape, (graph::Shape{1, 5}));
  EXPECT_EQ(last.graph.tensor(find(last, "y")).shape, (graph::Shape{2, 3, 1}));
}

/// One place in the good workload replaced by something bad, and the error that must follow.
TEST_F(Workload, NamesWhatIsWrongInTheYaml) {
  const struct {
    std::string good, bad, error;
  } cases[] = {
      {"type: relu", "type: rellu", "w.yaml:5:12: layers.1.type: 'rellu' is no type of layer; did you mean relu?"},
      {"out_features: 4", "out_feature: 4",
       "w.yaml:4:5: layers.0: missing key out_features; did you mean it by out_feature"},
      {"out_features: 4", "out_features: 0", "w.yaml:4:45: layers.0.out_features: must be a whole number from 1"},
      {"out_features: 4", "out_features: 4, in_features: 5", "layer 'fc1': its input [2, 3] has 3 features"},
      {"name: fc1", "name: a/b", "a layer's name is made of letters, digits, '_', '-' and '.'"},
      {"{type: relu}", "{type: relu, name: fc1}", "two layers have the name 'fc1'"},
      {"[2, 3]", "[2]", "w.yaml:2:16: input.shape: [2] is not the shape of a batch"},
      {"[2, 3]", "[2, 0]", "w.yaml:2:20: input.shape.1: must be a whole number from 1"},
      {"[2, 3]", "[16777216, 16777216]", "more than 2147483648 elements"},
      {"cross_entropy", "cross_entropi", "did you mean cross_entropy?"},
      {"type: sgd", "type: sdg", "'sdg' is none of sgd, adam, adamw; did you mean sgd?"},
      {"learning_rate: 0.5", "learning_rate: 0", "must be positive"},
      {"momentum: 0.9", "momentum: 1", "must be below 1"},
      {"momentum: 0.9", "momentun: 0.9", "unknown key; did you mean momentum?"},
      {"steps: 7", "steps: 0", "w.yaml:9:8: steps: must be a whole number from 1 to 1000000, found 0"},
      {"steps: 7", "steps: 7\nprecision: fp8", "'fp8' is none of fp32, bf16, fp16"},
      {"steps: 7", "steps: 7\ndata: {seed: -1}", "data.seed: must be a whole number from 0"},
      {"steps: 7", "steps: 7\ndata: {file: d.npz, seed: 1}", "either a file or a seed, not both"},
      {"steps: 7", "steps: 7\ndata: {file: d.npz, samples: 4}", "the file says how many samples there are"},
      {"steps: 7", "steps: 7\ndata: {file: d.npz}", "w.yaml:10:14: data.file: d.npz: No such file"},
      {"steps: 7", "", "missing key steps"},
      {"out_features: 4}", "out_features: 16777216}\n  - {type: linear, out_features: 1024}",
       "layer '1': 1.weight [1024, 16777216] has more than 2147483648 elements"},
      // 2^31 / 3 features
      {"steps: 7", "steps: 7\ndata: {samples: 715827883}", "data.samples: must be a whole number from 1 to 715827882"},
  };
  for (const auto& [good, bad, error] : cases) {
    std::string yaml = two_layers;
    yaml.replace(yaml.find(good), good.size(), bad);
    EXPECT_NE(rejection(yaml).find(error), std::string::npos) << bad << ": " << rejection(yaml);
  }
}

TEST_F(Workload, AnInputIsATargetOnlyWhereTheLossSaysSo) {
  const std::string net = R"(name: n
inputs: {x: {shape: [2, 3]}, y: {shape: [2, 1]}}
layers: [{type: linear, from: x, out_features: 1}]
optimizer: {type: sgd, learning_rate: 0.1}
steps: 1
loss: )";
  EXPECT_NE(rejection(net + "mse\n").find("w.yaml:6:7: loss: the input y is not its target unless it says so"),
            std::string::npos)
      << rejection(net + "mse\n");
  EXPECT_EQ(rejection(net + "{type: mse, target: y}\n"), "accepted");
  EXPECT_EQ(rejection(net + "{type: mse, target: z}\n"), "accepted");
}

TEST_F(Workload, NeedsSomethingToTrain) {
  EXPECT_NE(rejection("name: n\ninput: {shape: [2, 3]}\nlayers: [{type: relu}]\nloss: mse\nsteps: 1\n")
                .find("no layer has parameters"),
            std::string::npos);
}

TEST_F(Workload, NamesWhatIsWrongInTheData) {
  const auto error = [&](const Arrays& arrays) {
    write_npz(folder_ / "d.npz", arrays);
    return rejection(two_layers + "data: {file: d.npz}\n");
  };
  const std::string place = "w.yaml:10:14: data.file: d.npz: ";
  const HostTensor x = HostTensor::zeros({4, 3}), y = HostTensor::of_integers({4}, {0, 1, 1, 0});
  EXPECT_EQ(error({{"x", x}, {"y", y}}), "accepted");
  EXPECT_EQ(error({{"X", x}, {"y", y}}), place + "no array 'x'; it has X, y; is X meant?");
  EXPECT_EQ(error({{"x", x}}), place + "no array 'y'; it has x");
  EXPECT_EQ(error({{"x", HostTensor::zeros({4, 2})}, {"y", y}}), place + "x has shape [4, 2], must be [samples, 3]");
  EXPECT_EQ(error({{"x", HostTensor::zeros({0, 3})}, {"y", y}}), place + "x has shape [0, 3], must be [samples, 3]");
  EXPECT_EQ(error({{"x", x}, {"y", HostTensor::zeros({4, 2})}}), place + "y has shape [4, 2], must be [samples]");
  EXPECT_EQ(error({{"x", x}, {"y", HostTensor::of_integers({3}, {0, 1, 1})}}), place + "x has 4 samples, y has 3");
  EXPECT_EQ(error({{"x", x}, {"y", HostTensor::zeros({4})}}),
            place + "y holds real numbers; cross_entropy takes class numbers (integers)");
  EXPECT_EQ(error({{"x", x}, {"y", HostTensor::of_integers({4}, {0, 1, 2, 0})}}),
            place + "y[2] is class 2, must be 0 to 1 (the last layer makes 2 outputs)");
  EXPECT_EQ(error({{"x", HostTensor::of_integers({1, 3}, {1, 2, 3})}, {"y", HostTensor::of_integers({1}, {0})}}),
            "accepted");  // pixels, converted
  std::ofstream(folder_ / "d.npz") << "no archive";
  EXPECT_NE(rejection(two_layers + "data: {file: d.npz}\n").find(place), std::string::npos);
}

TEST_F(Workload, NamesWhatIsWrongInTheInitialValues) {
  const auto error = [&](const Arrays& arrays) {
    write_npz(folder_ / "i.npz", arrays);
    return rejection(two_layers + "initial: {file: i.npz}\n");
  };
  const std::string place = "w.yaml:10:17: initial.file: i.npz: ";
  const Arrays good = {{"fc1.weight", HostTensor::zeros({4, 3})},
                       {"fc1.bias", HostTensor::zeros({4})},
                       {"2.weight", HostTensor::zeros({2, 4})},
                       {"2.bias", HostTensor::zeros({2})}};
  EXPECT_EQ(error(good), "accepted");
  Arrays missing = good;
  missing.erase("fc1.bias");
  EXPECT_EQ(error(missing).rfind(place + "no array 'fc1.bias'; it has 2.bias, 2.weight, fc1.weight", 0), 0u)
      << error(missing);
  Arrays transposed = good;
  transposed["fc1.weight"] = HostTensor::zeros({3, 4});
  EXPECT_EQ(error(transposed), place + "fc1.weight has shape [3, 4], must be [4, 3]");
  Arrays integers = good;
  integers["2.bias"] = HostTensor::of_integers({2}, {0, 0});
  EXPECT_EQ(error(integers), place + "2.bias holds integers, must be real numbers");
  Arrays more = good;
  more["fc3.weight"] = HostTensor::zeros({1});
  EXPECT_EQ(error(more), place +
                             "the array 'fc3.weight' is no parameter of the workload; those are fc1.weight, "
                             "fc1.bias, 2.weight, 2.bias");
}

TEST(Presets, AreWhatTheirIssueSays) {
  const std::filesystem::path folder = std::filesystem::path(TRIAD_SOURCE_DIR) / "configs/workloads";
  const device::Job linear = load(folder / "linear.yaml"), dense = load(folder / "dense-relu.yaml"),
                    mlp = load(folder / "mlp.yaml");
  EXPECT_EQ(linear.graph.parameters(), 11);
  EXPECT_EQ(linear.steps, 100);
  EXPECT_EQ(linear.batches.begin()->second.size(), 1u);
  EXPECT_EQ(dense.graph.parameters(), 110);
  EXPECT_EQ(mlp.graph.parameters(), 784 * 256 + 256 + 256 * 10 + 10);
  EXPECT_EQ(mlp.batches.begin()->second.size(), 16u);  // 1024 / 64
  EXPECT_EQ(mlp.steps, 20);
}

}  // namespace
}  // namespace triad::workload
