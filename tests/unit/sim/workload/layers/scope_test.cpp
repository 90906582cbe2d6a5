#include "sim/workload/layers/scope.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "sim/graph/op.hpp"
#include "sim/workload/workload.hpp"

/// Names, `from`, blocks and repetition; that layers compute what they should is held to PyTorch by
/// tests/unit/sim/experiment/layer_golden_test.cpp.
namespace triad::workload {
namespace {

const std::string head = "name: net\n", tail = R"(loss: mse
optimizer: {type: sgd, learning_rate: 0.1}
steps: 1
values: off
)";

device::Job job(const std::string& body) {
  return read(config::parse(head + body + tail, "w.yaml"));
}
std::string rejection(const std::string& body) {
  try {
    job(body);
  } catch (const config::Error& error) {
    return error.what();
  }
  return "accepted";
}

/// "fc.weight [4, 3]" of every parameter, in the order in which the layers made them.
std::vector<std::string> parameters(const device::Job& job) {
  std::vector<std::string> result;
  for (const graph::Tensor& tensor : job.graph.tensors) {
    if (tensor.role == graph::Role::parameter) result.push_back(tensor.name + " " + graph::to_string(tensor.shape));
  }
  return result;
}

TEST(Scope, BlocksHaveParametersDefaultsAndNames) {
  const device::Job net = job(R"(input: {shape: [2, 3]}
blocks:
  inner:
    parameters: [width, bias]
    defaults: {bias: false}
    layers:
      - {type: linear, name: fc, out_features: 2 * $width + 1, bias: $bias}
  outer:
    parameters: [width]
    layers:
      - {block: inner, name: a, width: $width * 4 / 2}
      - {type: relu}
      - {block: inner, name: b, width: $width, bias: true}
  outest:
    parameters: [width]
    layers:
      - {repeat: 2, block: inner, name: n, first: 4, width: $width * $index}
layers:
  - {block: outer, name: first, width: 3}
  - {repeat: 2, block: inner, name: more, first: 1, width: $index}
  - {repeat: 2, block: outest, name: nested, width: 2}
)" + std::string());
  EXPECT_EQ(parameters(net),
            (std::vector<std::string>{"first.a.fc.weight [13, 3]", "first.b.fc.weight [7, 13]", "first.b.fc.bias [7]",
                                      "more.1.fc.weight [3, 7]", "more.2.fc.weight [5, 3]",
                                      "nested.0.n.4.fc.weight [17, 5]", "nested.0.n.5.fc.weight [21, 17]",
                                      "nested.1.n.4.fc.weight [17, 21]", "nested.1.n.5.fc.weight [21, 17]"}));
}

TEST(Scope, RepeatsListsAndSingleLayers) {
  const device::Job net = job(R"(input: {shape: [2, 3]}
layers:
  - repeat: 2
    name: encoder
    layers:
      - {type: linear, name: fc, out_features: 3, bias: false}
      - {type: add, from: [fc, input]}
  - {repeat: 2, name: h, type: linear, out_features: 10 + $index, bias: false}
)");
  EXPECT_EQ(parameters(net), (std::vector<std::string>{"encoder.0.fc.weight [3, 3]", "encoder.1.fc.weight [3, 3]",
                                                       "h.0.weight [10, 3]", "h.1.weight [11, 10]"}));
}

/// `from` looks here first, then outwards; `input` is the block's, `input.1` its second.
TEST(Scope, FindsNamesFromTheInsideOut) {
  const device::Job net = job(R"(inputs: {x: {shape: [2, 3]}, z: {shape: [2, 5]}}
blocks:
  both:
    layers:
      - {type: linear, name: a, from: input.1, out_features: 3, bias: false}
      - {type: add, name: sum, from: [a, input]}
      - {type: concat, from: [sum, x, outside]}
layers:
  - {type: linear, name: a, out_features: 7, bias: false}
  - {type: linear, name: outside, out_features: 1, bias: false}
  - {block: both, name: block, from: [x, z]}
  - {type: linear, name: last, out_features: 2, bias: false}
  - {type: concat, from: [last, block.sum]}
)");
  EXPECT_EQ(parameters(net), (std::vector<std::string>{"a.weight [7, 3]", "outside.weight [1, 7]",
                                                       "block.a.weight [3, 5]", "last.weight [2, 7]"}));
}

/// A cast to the workload's precision is made once for all its readers.
TEST(Scope, CastsOnce) {
  const device::Job net = job(R"(input: {shape: [2, 3]}
precision: bf16
layers:
  - {type: linear, name: a, out_features: 3}
  - {type: linear, name: b, from: a, out_features: 3}
  - {type: linear, name: c, from: a, out_features: 3}
  - {type: add, from: [b, c]}
)");
  EXPECT_EQ(std::ranges::count_if(net.graph.ops,
                                  [](const graph::Op& op) {
                                    return op.kind == graph::OpKind::cast && op.phase == graph::Phase::forward;
                                  }),
            5);  // x, the result of a, three weights
}

TEST(Scope, NamesWhatIsWrong) {
  const struct {
    std::string body, error;
  } cases[] = {
      {"input: {shape: [2, 3]}\nlayers:\n  - {type: linear, name: fc, out_features: 3}\n  - {type: add, from: [fc, "
       "fd]}\n",
       "w.yaml:5:28: layers.1.from.1: nothing before this is called 'fd'; did you mean fc?"},
      {"input: {shape: [2, 3]}\nlayers: [{type: linear, name: input, out_features: 3}]\n",
       "w.yaml:3:31: layers.0.name: 'input' is what the first layer reads; another name"},
      {"input: {shape: [2, 3]}\nlayers: [{block: b, name: x}]\n", "the workload has no blocks"},
      {"input: {shape: [2, 3]}\nblocks: {stem: {layers: []}}\nlayers: [{block: sten, name: x}]\n",
       "w.yaml:4:18: layers.0.block: only stem is available, found 'sten'"},
      {"input: {shape: [2, 3]}\nblocks: {b: {parameters: [width], layers: [{type: linear, out_features: $widht}]}}\n"
       "layers: [{block: b, name: x, width: 3}]\n",
       "w.yaml:3:73: blocks.b.layers.0.out_features: no parameter $widht; those here are width; did you mean $width?"},
      {"input: {shape: [2, 3]}\nblocks: {b: {parameters: [width], layers: [{type: linear, out_features: $width / "
       "2}]}}\n"
       "layers: [{block: b, name: x, width: 3}]\n",
       "'$width / 2': 3 divided by 2 is no whole number"},
      // The place of a bad value is where it was given.
      {"input: {shape: [2, 3]}\nblocks: {b: {parameters: [width], layers: [{type: linear, out_features: $width}]}}\n"
       "layers: [{block: b, name: x, width: 0}]\n",
       "w.yaml:4:37: blocks.b.layers.0.out_features: must be a whole number from 1"},
      {"input: {shape: [2, 3]}\nblocks: {b: {parameters: [width], layers: [{type: relu}]}}\nlayers: [{block: b, name: "
       "x}]\n",
       "w.yaml:4:10: layers.0: missing key width"},
      {"input: {shape: [2, 3]}\nblocks: {b: {layers: [{type: relu, slope: 1}]}}\nlayers: [{block: b, name: x}]\n",
       "w.yaml:3:36: blocks.b.layers.0.slope: unknown key"},
      {"input: {shape: [2, 3]}\nblocks: {b: {layers: [{block: b, name: y}]}}\nlayers: [{block: b, name: x}]\n",
       "blocks within blocks, more than 32 deep"},
      {"input: {shape: [2, 3]}\nblocks: {b: {parameters: [from], layers: [{type: relu}]}}\nlayers: [{block: b}]\n",
       "'from' is a key of every block and cannot be a parameter"},
      {"input: {shape: [2, 3]}\nlayers: [{repeat: 0, name: r, type: linear, out_features: 3}]\n",
       "layers.0.repeat: must be a whole number from 1"},
      {"input: {shape: [2, 3]}\nlayers: [{type: add}]\n", "layer '0': add reads 2 or more tensors, not 1"},
      {"input: {shape: [2, 3]}\nlayers: [{type: conv2d, name: c, out_channels: 3, kernel: 2}]\n",
       "w.yaml:3:10: layers.0: layer 'c': takes [batch, channels, height, width], not [2, 3]"},
      {"input: {shape: [2, 3, 4, 4]}\nlayers: [{type: conv2d, name: c, out_channels: 3, kernel: 7}]\n",
       "layer 'c': c.conv2d: conv2d: a kernel of 7 with dilation 1 does not fit into 4 padded by 0"},
      {"input: {shape: [2, 3, 4, 4]}\nlayers: [{type: conv2d, name: c, out_channels: 3, kernel: 1, groups: 2}]\n",
       "layer 'c': 3 channels do not make 2 groups"},
      {"input: {shape: [2, 3, 4]}\nlayers: [{type: multi_head_attention, name: m, heads: 3}]\n",
       "layer 'm': a width of 4 does not make 3 heads"},
      {"input: {shape: [2, 3, 4]}\nlayers: [{type: embedding, name: m, classes: 3, width: 2}]\n",
       "embedding takes whole numbers, an input with classes; x [2, 3, 4] holds real ones"},
      {"inputs: {t: {shape: [2, 3], classes: 9}}\nlayers: [{type: embedding, name: m, classes: 3, width: 2}]\n",
       "layer 'm': the input t has 9 classes"},
      {"inputs: {a: {shape: [2, 3]}, b: {shape: [3, 3]}}\nlayers: [{type: linear, out_features: 1}]\n",
       "inputs.b.shape: a batch of 3, but a has one of 2"},
      {"input: {shape: [2, 3]}\nlayers: [{type: reshape, shape: [4, -1]}]\n",
       "layer '0': [2, 3] has 6 elements, which do not make [4, -1]"},
      {"input: {shape: [2, 3]}\nlayers: [{type: softmax, axis: 2}]\n",
       "layers.0.axis: must be a whole number from -2 to 1"},
      {"input: {shape: [2, 3]}\nlayers: [{type: linear, out_features: 1}, {type: linear, share: wte, out_features: "
       "2}]\n",
       "no layer before this has a parameter wte.weight"},
  };
  for (const auto& [body, error] : cases) {
    EXPECT_NE(rejection(body).find(error), std::string::npos) << body << rejection(body);
  }
}

/// The page that people read names every type and every key.
TEST(LayerTypes, StandInTheReadme) {
  std::ifstream file(std::filesystem::path(TRIAD_SOURCE_DIR) / "sim/workload/layers/README.md");
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  const std::string table = readme.substr(readme.find("| type |"));
  std::set<std::string_view> names;
  for (const LayerType& type : layer_types()) {
    EXPECT_TRUE(names.insert(type.name).second) << type.name << " twice";
    EXPECT_TRUE(std::regex_search(table, std::regex("[|,] " + std::string(type.name) + "[ ,]"))) << type.name;
    const std::string keys(type.keys);
    const std::regex word("[a-z_]+");
    for (auto key = std::sregex_iterator(keys.begin(), keys.end(), word); key != std::sregex_iterator(); ++key) {
      EXPECT_NE(table.find(key->str()), std::string::npos) << type.name << ": " << key->str();
    }
  }
  EXPECT_GT(names.size(), 60u);
}

/// The largest network of the zoo must build in seconds: nothing may be quadratic in the number of ops.
TEST(Scope, BuildsGpt3InSeconds) {
  const auto start = std::chrono::steady_clock::now();
  const device::Job net = read(config::parse(R"(name: gpt3
inputs: {tokens: {shape: [1, 2048], classes: 50257}}
layers:
  - {type: embedding, name: wte, classes: 50257, width: 12288}
  - {type: position_embedding, name: wpe, length: 2048}
  - {repeat: 96, name: h, type: transformer_encoder_layer, heads: 96, feed_forward: 49152, activation: gelu_tanh,
     norm_first: true, causal: true}
  - {type: layer_norm, name: ln_f}
  - {type: linear, name: head, out_features: 50257, bias: false, share: wte}
loss: cross_entropy
optimizer: {type: adam, learning_rate: 0.0001}
steps: 1
precision: bf16
values: off
)"));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 3);
  // Embeddings 50257 and 2048 by 12288; a layer 12 width² + 13 width; the last normalisation 2 width.
  const std::int64_t width = 12288;
  EXPECT_EQ(net.graph.parameters(), (50257 + 2048) * width + 96 * (12 * width * width + 13 * width) + 2 * width);
  EXPECT_TRUE(net.initial.empty());
  for (const auto& [id, batches] : net.batches) {
    for (const device::HostTensor& batch : batches) EXPECT_TRUE(batch.bytes.empty());
  }
}

}  // namespace
}  // namespace triad::workload
