#include "sim/workload/onnx/onnx.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "sim/workload/onnx/operators.hpp"

namespace triad::workload {
namespace {

using onnx::TensorProto;
using Strings = std::vector<std::string>;

const std::filesystem::path goldens = std::filesystem::path(TRIAD_SOURCE_DIR) / "tests/golden/onnx";

/// A model under construction.
struct Model {
  onnx::ModelProto proto;
  onnx::GraphProto& graph = *proto.mutable_graph();

  explicit Model(std::int64_t opset = 13) {
    proto.set_ir_version(7);
    auto* set = proto.add_opset_import();
    set->set_version(opset);
  }
  Model& input(const std::string& name, const Shape& shape, TensorProto::DataType type = TensorProto::FLOAT) {
    auto* made = graph.add_input();
    made->set_name(name);
    made->mutable_type()->mutable_tensor_type()->set_elem_type(type);
    auto* to = made->mutable_type()->mutable_tensor_type()->mutable_shape();
    for (const std::int64_t extent : shape) to->add_dim()->set_dim_value(extent);
    return *this;
  }
  Model& output(const std::string& name) {
    graph.add_output()->set_name(name);
    return *this;
  }
  TensorProto& weights(const std::string& name, const Shape& shape, float value = 0.5f) {
    TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(TensorProto::FLOAT);
    for (const std::int64_t extent : shape) tensor.add_dims(extent);
    for (std::int64_t i = 0; i < graph::elements(shape); ++i) tensor.add_float_data(value);
    return tensor;
  }
  Model& integers(const std::string& name, const std::vector<std::int64_t>& values) {
    TensorProto& tensor = *graph.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(TensorProto::INT64);
    tensor.add_dims(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) tensor.add_int64_data(value);
    return *this;
  }
  onnx::NodeProto& node(const std::string& type, const Strings& inputs, const Strings& outputs) {
    onnx::NodeProto& made = *graph.add_node();
    made.set_op_type(type);
    made.set_name("/net/" + type);
    for (const std::string& name : inputs) made.add_input(name);
    for (const std::string& name : outputs) made.add_output(name);
    return made;
  }
};

void set(onnx::NodeProto& node, const std::string& key, std::int64_t value) {
  auto* attribute = node.add_attribute();
  attribute->set_name(key);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

/// A folder of its own for each test.
class Onnx : public testing::Test {
 protected:
  Onnx() {
    folder_ = std::filesystem::path(testing::TempDir()) / ("onnx_test_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Onnx() override { std::filesystem::remove_all(folder_); }

  Network import(const std::string& bytes, const std::string& more = "", Format precision = Format::fp32) {
    std::ofstream(folder_ / "m.onnx", std::ios::binary) << bytes;
    std::ofstream(folder_ / "w.yaml") << "model: {onnx: m.onnx" << more << "}\n";
    const config::Node node = config::load(folder_ / "w.yaml");
    Network network;
    Builder builder(network, precision, true);
    read_onnx(node.at("model"), builder);
    node.reject_unread();
    return network;
  }
  Network import(const Model& model, const std::string& more = "", Format precision = Format::fp32) {
    return import(model.proto.SerializeAsString(), more, precision);
  }
  /// The message of the error, without the place of the YAML value and the folder.
  template <class What>
  std::string rejection(const What& model, const std::string& more = "") {
    try {
      import(model, more);
    } catch (const config::Error& error) {
      std::string message = error.what();
      for (const std::string& prefix : {folder_.string() + "/", std::string("w.yaml:1:15: model.onnx: m.onnx: ")}) {
        for (std::size_t at; (at = message.find(prefix)) != std::string::npos;) message.erase(at, prefix.size());
      }
      return message;
    }
    return "accepted";
  }
  std::filesystem::path folder_;
};

/// y = x w + b
Model linear() {
  Model model;
  model.input("in", {4, 3}).output("out");
  model.weights("fc.weight", {3, 2});
  model.weights("fc.bias", {2});
  model.node("Gemm", {"in", "fc.weight", "fc.bias"}, {"out"});
  return model;
}

const graph::Tensor* tensor(const Network& network, const std::string& name) {
  const auto found = std::ranges::find(network.graph.tensors, name, &graph::Tensor::name);
  return found == network.graph.tensors.end() ? nullptr : &*found;
}

TEST_F(Onnx, WeightsBecomeParametersWithTheirValues) {
  const Network network = import(linear());
  ASSERT_EQ(network.inputs.size(), 1u);
  EXPECT_EQ(network.inputs[0].name, "x");  // a single input, whatever the model calls it
  EXPECT_EQ(network.graph.parameters(), 8);
  EXPECT_EQ(network.graph.tensor(network.output).shape, (Shape{4, 2}));
  for (const auto& [id, make] : network.given) {
    EXPECT_EQ(network.graph.tensor(id).role, graph::Role::parameter);
    for (const float value : make().floats()) EXPECT_EQ(value, 0.5f);
  }
  EXPECT_EQ(network.given.size(), 2u);
  EXPECT_EQ(network.graph.ops[0].name, "net.Gemm.matmul");
}

TEST_F(Onnx, SomeInitializersAreNotTrained) {
  EXPECT_EQ(import(linear(), ", constants: [fc.bias]").graph.parameters(), 6);
  EXPECT_EQ(tensor(import(linear(), ", constants: [fc.bias]"), "fc.bias")->role, graph::Role::constant);
  EXPECT_EQ(rejection(linear(), ", constants: [fc.bais]"),
            "w.yaml:1:35: model.constants.0: the model has no initializer 'fc.bais'; did you mean fc.bias?");
  Model mask = linear();  // an infinity marks a mask
  mask.graph.mutable_initializer(1)->set_float_data(0, -std::numeric_limits<float>::infinity());
  EXPECT_EQ(import(mask).graph.parameters(), 6);
  Model scalar = linear();
  scalar.graph.mutable_node(0)->set_output(0, "y");
  scalar.weights("factor", {}, 3);
  scalar.node("Mul", {"y", "factor"}, {"out"});
  EXPECT_EQ(import(scalar).graph.parameters(), 8);
  EXPECT_EQ(import(scalar).graph.ops.back().number("factor"), 3);
}

TEST_F(Onnx, ContractionsTakeThePrecisionOfTheWorkload) {
  const Network network = import(linear(), "", Format::bf16);
  for (const graph::Op& op : network.graph.ops) {
    if (!graph::is_contraction(op.kind)) continue;
    for (const TensorId id : op.inputs) EXPECT_EQ(network.graph.tensor(id).format, Format::bf16);
  }
  EXPECT_EQ(tensor(network, "fc.weight")->format, Format::fp32);
}

/// Shape -> Gather -> Mul -> Concat -> Reshape, as torch writes x.view(x.size(0) * 2, -1).
TEST_F(Onnx, ShapesAreComputedAtImport) {
  Model model;
  model.input("x", {4, 6}).output("out").integers("two", {2}).integers("rest", {-1}).integers("first", {0});
  model.weights("w", {3, 3});
  model.node("Shape", {"x"}, {"s"});
  set(model.node("Gather", {"s", "first"}, {"n"}), "axis", 0);
  model.node("Mul", {"n", "two"}, {"n2"});
  set(model.node("Concat", {"n2", "rest"}, {"to"}), "axis", 0);
  model.node("Reshape", {"x", "to"}, {"y"});
  model.node("MatMul", {"y", "w"}, {"out"});
  const Network network = import(model);
  EXPECT_EQ(network.graph.tensor(network.output).shape, (Shape{8, 3}));
  EXPECT_EQ(network.graph.ops.size(), 2u);  // reshape, matmul
}

TEST_F(Onnx, ClassNumbersAreBoundByTheTableThatTheyIndex) {
  Model model;
  model.input("tokens", {2, 5}, TensorProto::INT64).output("out");
  model.weights("table", {7, 3});
  model.node("Gather", {"table", "tokens"}, {"out"});
  const Network network = import(model);
  EXPECT_EQ(network.inputs[0].classes, 7);
  EXPECT_EQ(network.graph.tensor(network.inputs[0].tensor).format, Format::int32);
  EXPECT_EQ(network.graph.tensor(network.output).shape, (Shape{2, 5, 3}));
  Model lengths;
  lengths.input("x", {4, 3}).input("n", {4, 3}, TensorProto::INT64).output("out");
  set(lengths.node("Cast", {"n"}, {"real"}), "to", TensorProto::FLOAT);
  lengths.node("Add", {"x", "real"}, {"out"});
  EXPECT_EQ(rejection(lengths),
            "input 'n': holds whole numbers and indexes no table; say how many there are: model.inputs.n.classes");
  EXPECT_EQ(rejection(lengths, ", inputs: {n: {classes: 9}}"), "accepted");
}

TEST_F(Onnx, OpenExtentsAreStatedInYaml) {
  Model model = linear();
  model.graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param(
      "batch");
  EXPECT_EQ(rejection(model),
            "input 'x': the extent 'batch' is open; say model.inputs.x.shape, or export without dynamic_axes");
  const Network network = import(model, ", inputs: {x: {shape: [9, 3]}}");
  EXPECT_EQ(network.graph.tensor(network.output).shape, (Shape{9, 2}));
  EXPECT_EQ(rejection(linear(), ", inputs: {y: {shape: [1, 3]}}"),
            "w.yaml:1:35: model.inputs.y: the model has no input 'y'; those are x");
}

/// x · transpose(w), as torch writes a linear layer over more than two axes: nothing moves.
TEST_F(Onnx, TransposedWeightsGoIntoTheProduct) {
  Model model;
  model.input("x", {2, 4, 3}).output("out");
  model.weights("w", {5, 3});
  auto& transpose = model.node("Transpose", {"w"}, {"wt"});
  auto* permutation = transpose.add_attribute();
  permutation->set_name("perm");
  permutation->set_type(onnx::AttributeProto::INTS);
  for (const std::int64_t axis : {1, 0}) permutation->add_ints(axis);
  model.node("MatMul", {"x", "wt"}, {"out"});
  const Network network = import(model);
  const auto product = std::ranges::find(network.graph.ops, OpKind::matmul, &graph::Op::kind);
  ASSERT_NE(product, network.graph.ops.end());
  EXPECT_TRUE(product->flag("transpose_b"));
  EXPECT_EQ(network.graph.tensor(product->inputs[1]).name, "w");
}

TEST_F(Onnx, NamesTheNodeAndTheNearestOperator) {
  const auto unknown = [&](const std::string& type) {
    Model model = linear();
    model.graph.mutable_node(0)->set_op_type(type);
    return rejection(model);
  };
  EXPECT_EQ(unknown("Gem"), "node 'net.Gemm' (Gem): the operator is not supported; the nearest that is: Gemm");
  EXPECT_EQ(unknown("Einsum"), "node 'net.Gemm' (Einsum): the operator is not supported; the nearest that is: MatMul");
  EXPECT_EQ(unknown("Zzzzzzzzz"),
            "node 'net.Gemm' (Zzzzzzzzz): the operator is not supported; the README of sim/workload/onnx lists those "
            "that are");
  Model custom = linear();
  custom.graph.mutable_node(0)->set_domain("com.microsoft");
  EXPECT_NE(rejection(custom).find("node 'net.Gemm' (Gemm): the operator is not supported"), std::string::npos);
}

TEST_F(Onnx, NamesWhatIsWrong) {
  const auto with = [&](auto change) {
    Model model = linear();
    change(model);
    return rejection(model);
  };
  EXPECT_EQ(rejection(std::string()),
            "not an ONNX model, or cut off: its protobuf message does not end where the file ends");
  EXPECT_EQ(with([](Model& m) { m.proto.mutable_opset_import(0)->set_version(8); }),
            "operator set 8; read are 9 to 17: torch.onnx.export(..., opset_version=17)");
  EXPECT_EQ(with([](Model& m) { m.proto.clear_opset_import(); }), "the model does not say which operator set it uses");
  EXPECT_EQ(with([](Model& m) { m.graph.clear_node(); }), "the model has no graph");
  EXPECT_EQ(with([](Model& m) { m.graph.clear_input(); }), "the model has no input");
  EXPECT_EQ(with([](Model& m) { m.graph.clear_output(); }), "the model has no output");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_output(0)->set_name("other"); }), "output 'other': no node makes it");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_output(0)->set_name("fc.bias"); }),
            "output 'fc.bias' does not depend on the inputs");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_node(0)->set_input(1, "w"); }),
            "node 'net.Gemm' (Gemm): reads 'w', which nothing before it makes");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_node(0)->set_input(1, "a\nb"); }),
            "node 'net.Gemm' (Gemm): reads 'a?b', which nothing before it makes");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_node(0)->set_input(1, ""); }),
            "node 'net.Gemm' (Gemm): input 1 is missing");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_initializer(0)->add_float_data(1); }),
            "tensor 'fc.weight': 7 values for 6 elements");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_initializer(0)->set_raw_data("1234"); }),
            "tensor 'fc.weight': 4 bytes of data for 6 elements of 4 bytes");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_initializer(0)->set_data_type(TensorProto::STRING); }),
            "tensor 'fc.weight': values of type STRING are not read; must be float, double, float16, bfloat16, bool or "
            "a whole number");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_initializer(0)->set_dims(0, -1); }),
            "tensor 'fc.weight': the extent -1 is negative or too large");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_initializer(0)->set_data_location(TensorProto::EXTERNAL); }),
            "tensor 'fc.weight': its data is in another file; save the model in one");
  EXPECT_EQ(with([](Model& m) { m.graph.mutable_initializer(1)->set_name("fc.weight"); }),
            "two initializers have the name 'fc.weight'");
  EXPECT_EQ(with([](Model& m) {
              m.graph.mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::BOOL);
            }),
            "input 'x': must be of real numbers, int32 or int64");
  EXPECT_EQ(with([](Model& m) { set(*m.graph.mutable_node(0), "transB", 1); }),
            "node 'net.Gemm' (Gemm): net.Gemm.matmul: matmul: x [4, 3] times fc.weight [3, 2] transposed: the inner "
            "dimensions 3 and 2 must be equal");
  EXPECT_EQ(with([](Model& m) {
              auto* alpha = m.graph.mutable_node(0)->add_attribute();
              alpha->set_name("alpha");
              alpha->set_type(onnx::AttributeProto::STRING);
            }),
            "node 'net.Gemm' (Gemm): attribute 'alpha' must be of type FLOAT");
  EXPECT_EQ(rejection(linear(), ", constant: [a]"),
            "w.yaml:1:23: model.constant: unknown key; did you mean constants?");
}

TEST_F(Onnx, RefusesWhatItDoesNotMean) {
  const auto of = [&](const std::string& type, auto change) {
    Model model;
    model.input("x", {1, 2, 6, 6}).output("out");
    model.weights("w", {2, 2, 3, 3});
    change(model.node(type, {"x", "w"}, {"out"}));
    return rejection(model);
  };
  const auto text = [](onnx::NodeProto& node, const std::string& key, const std::string& value) {
    auto* attribute = node.add_attribute();
    attribute->set_name(key);
    attribute->set_type(onnx::AttributeProto::STRING);
    attribute->set_s(value);
  };
  const auto ints = [](onnx::NodeProto& node, const std::string& key, const std::vector<std::int64_t>& values) {
    auto* attribute = node.add_attribute();
    attribute->set_name(key);
    attribute->set_type(onnx::AttributeProto::INTS);
    for (const std::int64_t value : values) attribute->add_ints(value);
  };
  EXPECT_EQ(of("Conv", [&](auto& n) { ints(n, "strides", {1}); }),
            "node 'net.Conv' (Conv): strides: must be 2 numbers");
  EXPECT_EQ(of("Conv",
               [&](auto& n) {
                 ints(n, "strides", {0, 1});
               }),
            "node 'net.Conv' (Conv): kernel, strides and dilations must be at least 1");
  EXPECT_EQ(of("Conv",
               [&](auto& n) {
                 ints(n, "pads", {std::int64_t{1} << 62, 0, 0, 0});
               }),
            "node 'net.Conv' (Conv): attribute 'pads': 4611686018427387904 is out of range");
  EXPECT_EQ(of("MaxPool",
               [&](auto& n) {
                 ints(n, "dilations", {2, 2}), ints(n, "kernel_shape", {2, 2});
               }),
            "node 'net.MaxPool' (MaxPool): dilations are not supported");
  EXPECT_EQ(of("Pad", [&](auto& n) { text(n, "mode", "reflect"); }),
            "node 'net.Pad' (Pad): mode 'reflect' is not supported, must be constant");
  EXPECT_EQ(of("Upsample", [&](auto& n) { text(n, "mode", "linear"); }),
            "node 'net.Upsample' (Upsample): mode 'linear' is not supported, must be nearest");
  EXPECT_EQ(of("Reshape", [](auto& n) { n.set_input(1, "x"); }),
            "node 'net.Reshape' (Reshape): the shape must be known when the model is imported, but depends on its "
            "inputs");
}

TEST_F(Onnx, IsWholeOrRefusedAtEveryLength) {
  const std::string whole = linear().proto.SerializeAsString();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_NE(rejection(whole.substr(0, length)), "accepted") << length;
  }
  EXPECT_EQ(rejection(whole), "accepted");
}

/// Bytes of real models changed at random: an import, or one error that names the file.
TEST_F(Onnx, ChangedBytesAreReadOrRefused) {
  std::mt19937 generator(20);
  const auto below = [&](std::size_t bound) { return generator() % bound; };
  int refused = 0;
  for (const char* name : {"mlp", "gru", "encoder", "decoder", "unet", "images", "operators", "depthwise"}) {
    std::ifstream file(goldens / (std::string(name) + ".onnx"), std::ios::binary);
    const std::string whole{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(whole.empty()) << name;
    for (int i = 0; i < 120; ++i) {
      std::string changed = whole;
      for (std::size_t n = 1 + below(4); n > 0; --n) {
        // The nodes stand in front of the weights: most changes go there.
        const std::size_t at = below(below(3) == 0 ? changed.size() : std::min<std::size_t>(changed.size(), 6000));
        if (below(4) == 0) {
          changed.erase(at, 1 + below(3));
        } else {
          changed[at] = static_cast<char>(generator());
        }
      }
      const std::string message = rejection(changed);
      refused += message == "accepted" ? 0 : 1;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
  EXPECT_GT(refused, 100);  // the changes do something
}

TEST(OnnxReadme, ListsTheOperators) {
  std::ifstream file(std::filesystem::path(TRIAD_SOURCE_DIR) / "sim/workload/onnx/README.md");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  std::ranges::replace(text, '\n', ' ');
  for (const onnx_import::Operator& one : onnx_import::operators()) {
    EXPECT_NE(text.find(fmt::format(" {} ", one.name)), std::string::npos) << one.name;
  }
}

}  // namespace
}  // namespace triad::workload
