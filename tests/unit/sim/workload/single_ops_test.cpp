#include "sim/workload/single_ops.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <fstream>

#include "sim/workload/file_bytes.hpp"
#include "sim/workload/scale_sim.hpp"

namespace triad::workload {
namespace {

Network ops(const std::string& list, Format precision = Format::fp32) {
  const config::Node node = config::parse("ops: " + list, "w.yaml");
  Network network = read_ops(node.at("ops"), precision, true);
  node.reject_unread();
  return network;
}

std::string rejection(const std::string& list) {
  try {
    ops(list);
  } catch (const config::Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(SingleOps, BuildsAMatrixProductOfConstants) {
  const Network network = ops("[{op: matmul, m: 3, n: 5, k: 7}, {op: matmul, name: many, m: 1, n: 2, k: 3, batch: 4}]");
  ASSERT_EQ(network.graph.ops.size(), 2u);
  EXPECT_EQ(network.graph.loss, -1);
  EXPECT_TRUE(network.inputs.empty());
  const graph::Op& first = network.graph.ops[0];
  EXPECT_EQ(first.name, "matmul0");
  EXPECT_EQ(network.graph.tensor(first.inputs[0]).name, "matmul0.a");
  EXPECT_EQ(network.graph.tensor(first.outputs[0]).shape, (Shape{3, 5}));
  EXPECT_EQ(graph::flops(network.graph, first), 2 * 3 * 5 * 7);
  EXPECT_EQ(network.graph.ops[1].name, "many");
  EXPECT_EQ(network.graph.tensor(network.output).shape, (Shape{4, 1, 2}));
  for (const TensorId id : first.inputs) {
    EXPECT_EQ(network.graph.tensor(id).role, graph::Role::constant);
    const device::HostTensor values = network.given.at(id)();
    EXPECT_EQ(values.shape, network.graph.tensor(id).shape);
    for (const float value : values.floats()) EXPECT_LE(std::abs(value), 1.0f);
  }
}

TEST(SingleOps, HoldsOperandsInThePrecision) {
  for (const Format precision : {Format::fp32, Format::bf16, Format::fp16, Format::int8}) {
    const Network network = ops("[{op: matmul, m: 2, n: 2, k: 64}]", precision);
    const graph::Op& op = network.graph.ops[0];
    const device::HostTensor a = network.given.at(op.inputs[0])();
    EXPECT_EQ(network.graph.tensor(op.inputs[0]).format, precision);
    EXPECT_EQ(a.format, precision);
    EXPECT_EQ(a.bytes.size(), static_cast<std::size_t>(network.graph.tensor(op.inputs[0]).bytes()));
    EXPECT_EQ(network.graph.tensor(op.outputs[0]).format, precision == Format::int8 ? Format::int32 : Format::fp32);
  }
}

TEST(SingleOps, BuildsThePassesOfAConvolution) {
  const std::string convolution =
      "{op: conv2d, batch: 2, in_channels: 4, height: 9, width: 8, out_channels: 6, kernel: [3, 2], stride: 2, "
      "padding: [1, 0], groups: 2, pass: ";
  const Network network = ops("[" + convolution + "forward}, " + convolution + "dgrad}, " + convolution + "wgrad}]");
  const auto shape = [&](std::size_t op) { return network.graph.tensor(network.graph.ops[op].outputs[0]).shape; };
  EXPECT_EQ(shape(0), (Shape{2, 6, 5, 4}));  // (9 + 2 - 3) / 2 + 1, (8 - 2) / 2 + 1
  EXPECT_EQ(shape(1), (Shape{2, 4, 9, 8}));
  EXPECT_EQ(shape(2), (Shape{6, 2, 3, 2}));
  // 2 per MAC: 2 * 6 * 5 * 4 outputs, each of 2 channels of 3 x 2; the same for every pass.
  for (const graph::Op& op : network.graph.ops) {
    EXPECT_EQ(graph::flops(network.graph, op), 2 * (2 * 6 * 5 * 4) * (2 * 3 * 2)) << op.name;
  }
}

TEST(SingleOps, NamesWhatIsWrong) {
  EXPECT_EQ(rejection("[]"), "w.yaml:1:6: ops: names no operation");
  EXPECT_EQ(rejection("[{op: matmull}]"),
            "w.yaml:1:12: ops.0.op: 'matmull' is none of matmul, conv2d; did you mean matmul?");
  EXPECT_EQ(rejection("[{op: matmul, m: 1, n: 0, k: 1}]"),
            "w.yaml:1:29: ops.0.n: must be a whole number from 1 to 16777216, found 0");
  EXPECT_NE(rejection("[{op: matmul, m: 1, n: 1}]").find("missing key k"), std::string::npos);
  EXPECT_NE(rejection("[{op: matmul, m: 1, n: 1, k: 1, kk: 1}]").find("kk: unknown key"), std::string::npos);
  EXPECT_NE(rejection("[{op: matmul, name: a, m: 1, n: 1, k: 1}, {op: matmul, name: a, m: 1, n: 1, k: 1}]")
                .find("two operations have the name 'a'"),
            std::string::npos);
  const std::string convolution = "[{op: conv2d, in_channels: 3, height: 4, width: 4, out_channels: 2, ";
  EXPECT_NE(
      rejection(convolution + "kernel: 5}]").find("a kernel of 5 with dilation 1 does not fit into 4 padded by 0"),
      std::string::npos);
  EXPECT_NE(rejection(convolution + "kernel: 1, groups: 2}]").find("3 channels are not 2 equal groups"),
            std::string::npos);
  EXPECT_NE(rejection(convolution + "kernel: [1, 2, 3]}]").find("must be one number, or two: rows and columns"),
            std::string::npos);
  EXPECT_NE(rejection("[{op: matmul, m: 16777216, n: 1, k: 16777216}]").find("elements"), std::string::npos);
  EXPECT_NE(rejection("[{op: matmul, m: 1048576, n: 1048576, k: 1048576}]").find("multiply-accumulates"),
            std::string::npos);
}

TEST(ScaleSim, ReadsConvolutions) {
  const std::vector<SingleOp> ops = decode_scale_sim(
      "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
      "Conv1, 224, 224, 7, 7, 3, 64, 2,\n"
      "\n"
      "DP2, 10, 8, 3, 3, 16, 1, 1\n"
      "fc, 1, 1, 1, 1, 512, 10, 1, 1,\n",
      "f");
  ASSERT_EQ(ops.size(), 3u);
  EXPECT_EQ(ops[0].name, "Conv1");
  EXPECT_EQ(ops[0].kind, OpKind::conv2d);
  // ceil((224 - 7) / 2) + 1 = 110 windows need (110 - 1) * 2 + 7 = 225 rows.
  EXPECT_EQ(ops[0].a_shape, (Shape{1, 3, 225, 225}));
  EXPECT_EQ(ops[0].b_shape, (Shape{64, 3, 7, 7}));
  EXPECT_EQ(ops[1].a_shape, (Shape{1, 16, 10, 8}));  // depth-wise
  EXPECT_EQ(ops[1].b_shape, (Shape{16, 1, 3, 3}));
  EXPECT_EQ(std::get<std::int64_t>(ops[1].attributes.at("groups")), 16);
  EXPECT_EQ(ops[2].b_shape, (Shape{10, 512, 1, 1}));
}

TEST(ScaleSim, ReadsMatrixProducts) {
  const std::vector<SingleOp> ops = decode_scale_sim("Layer, M, N, K,\r\nG_a, 1000, 2048, 512,\r\nb,1,2,3", "f");
  ASSERT_EQ(ops.size(), 2u);
  EXPECT_EQ(ops[0].kind, OpKind::matmul);
  EXPECT_EQ(ops[0].a_shape, (Shape{1000, 512}));
  EXPECT_EQ(ops[0].b_shape, (Shape{512, 2048}));
  EXPECT_EQ(ops[1].name, "b");
}

TEST(ScaleSim, NamesLineAndColumn) {
  const auto of = [](const std::string& text) -> std::string {
    try {
      decode_scale_sim(text, "f");
    } catch (const FileError& error) {
      return error.what();
    }
    return "accepted";
  };
  const std::string gemm = "Layer, M, N, K,\n", conv = "Layer name, IFMAP Height, IFMAP Width, x, x, x, x, x,\n";
  EXPECT_EQ(of(""), "f: holds no layer");
  EXPECT_EQ(of(gemm), "f: holds a header and no layer");
  EXPECT_EQ(of("a, 1, 2, 3,\n"), "f:1:1: the first line must be the header");
  EXPECT_EQ(of("layers\n").rfind("f:1:1: not the header of a SCALE-Sim topology", 0), 0u);
  EXPECT_EQ(of(gemm + "a, 1, 2,\n"), "f:2:7: 3 fields, must be 4: name, M, N, K");
  EXPECT_EQ(of(gemm + "a, 1, 2, 3, 4\n"), "f:2:13: 5 fields, must be 4: name, M, N, K");
  EXPECT_EQ(of(gemm + "a, 1, x, 3\n"), "f:2:7: N: must be a whole number from 1 to 16777216");
  EXPECT_EQ(of(gemm + "a, 1, 0, 3\n"), "f:2:7: N: must be a whole number from 1 to 16777216");
  EXPECT_EQ(of(gemm + ", 1, 2, 3\n"), "f:2:1: the layer has no name");
  EXPECT_EQ(of(conv + "a, 5, 5, 6, 1, 1, 1, 1,\n"), "f:2:10: a filter of 6 rows for 5 rows");
  EXPECT_EQ(of(conv + "a, 5, 5, 1, 6, 1, 1, 1,\n"), "f:2:13: a filter of 6 columns for 5 columns");
  EXPECT_EQ(of(conv + "a, 5, 5, 1, 1, 1, 1\n").rfind("f:2:19: 7 fields, must be 8: name, IFMAP Height", 0), 0u);
  EXPECT_EQ(of(conv + "aDP, 5, 5, 1, 1, 9999999, 9999999, 1\n"), "f:2:27: too many filters for a depth-wise layer");
}

RC_GTEST_PROP(ScaleSim, AnyTextIsReadOrRefused, ()) {
  const auto word = rc::gen::elementOf(std::vector<std::string>{"Layer", "M", "N", "K", "IFMAP", "1", "0", "7", "x",
                                                                ",", ",", ",", "\n", "\n", " ", "\"", "DP"});
  std::string text = *rc::gen::elementOf(
      std::vector<std::string>{"", "Layer, M, N, K\n", "Layer name, IFMAP Height, IFMAP Width, x, x, x, x, x\n"});
  for (const std::string& one : *rc::gen::container<std::vector<std::string>>(word)) text += one;
  try {
    RC_ASSERT(!decode_scale_sim(text, "f").empty());
  } catch (const FileError& error) {
    RC_ASSERT(std::string(error.what()).rfind("f:", 0) == 0u);
  }
}

TEST(ScaleSim, ErrorsPointAtTheYaml) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("scale_sim_test_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "w.yaml") << "topology: {scale_sim: t.csv}\n";
  const config::Node node = config::load(folder / "w.yaml");
  const auto read = [&] { return read_topology(node.at("topology"), Format::bf16, false); };
  std::ofstream(folder / "t.csv") << "Layer, M, N, K,\na, 1, 2, 3,\na, 4, 5, 6,\n";
  const Network network = read();
  ASSERT_EQ(network.graph.ops.size(), 2u);
  EXPECT_EQ(network.graph.ops[1].name, "a.2");  // the second of the name
  std::ofstream(folder / "t.csv") << "Layer, M, N, K,\na, 1, 2,\n";
  try {
    read();
    ADD_FAILURE() << "accepted";
  } catch (const config::Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("w.yaml:1:23: topology.scale_sim: "), std::string::npos) << message;
    EXPECT_NE(message.find("t.csv:2:7: 3 fields"), std::string::npos) << message;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace triad::workload
