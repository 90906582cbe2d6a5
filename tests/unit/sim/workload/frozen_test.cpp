#include <gtest/gtest.h>

#include <map>

#include "sim/config/node.hpp"
#include "sim/graph/op.hpp"
#include "sim/workload/workload.hpp"

/// Blocks that are not trained, and rows of what a layer makes (`gather`).
namespace triad::workload {
namespace {

device::Job job(const std::string& layers) {
  return read(
      config::parse("name: net\n"
                    "inputs: {x: {shape: [2, 3]}, rows: {shape: [2, 5], classes: 4}}\n"
                    "blocks:\n"
                    "  dense:\n"
                    "    parameters: [width]\n"
                    "    layers:\n"
                    "      - {type: linear, name: fc, out_features: $width}\n"
                    "      - {type: relu, name: relu}\n"
                    "layers:\n" +
                        layers +
                        "loss: mse\n"
                        "optimizer: {type: adam, learning_rate: 0.5}\n"
                        "steps: 2\n",
                    "w.yaml"));
}

std::string rejection(const std::string& layers) {
  try {
    job(layers);
  } catch (const config::Error& error) {
    return error.what();
  }
  return "accepted";
}

std::map<std::string, graph::TensorId> tensors(const device::Job& job) {
  std::map<std::string, graph::TensorId> result;
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    result[job.graph.tensors[i].name] = static_cast<graph::TensorId>(i);
  }
  return result;
}

TEST(Frozen, ParametersAreConstantsWithTheSameInitialValues) {
  const std::string first = "  - {block: dense, name: a, from: x, width: 3",
                    last = "  - {block: dense, name: b, width: 2}\n";
  const device::Job frozen = job(first + ", frozen: true}\n" + last), trained = job(first + "}\n" + last);
  const auto in_frozen = tensors(frozen), in_trained = tensors(trained);
  for (const char* name : {"a.fc.weight", "a.fc.bias", "b.fc.weight", "b.fc.bias"}) {
    const graph::TensorId id = in_frozen.at(name);
    const bool constant = name[0] == 'a';
    EXPECT_EQ(frozen.graph.tensor(id).role, constant ? graph::Role::constant : graph::Role::parameter) << name;
    EXPECT_EQ(frozen.initial.at(id).bytes, trained.initial.at(in_trained.at(name)).bytes) << name;
    // Nothing remembers or changes a constant.
    EXPECT_EQ(in_frozen.contains(std::string(name) + ".m"), false);
    for (const auto& update : frozen.graph.updates) EXPECT_FALSE(constant && update.persistent == id) << name;
  }
  EXPECT_EQ(frozen.graph.parameters(), 2 * 3 + 2);
  EXPECT_EQ(trained.graph.parameters(), 3 * 3 + 3 + 2 * 3 + 2);
}

TEST(Frozen, WhatStandsWithinIsFrozenAndNothingBehind) {
  const device::Job all =
      job("  - repeat: 2\n    name: out\n    from: x\n    frozen: true\n    layers:\n"
          "      - {block: dense, name: in, width: 3}\n"
          "  - {repeat: 2, type: linear, name: line, out_features: 3, frozen: true}\n"
          "  - {type: linear, name: last, out_features: 1}\n");
  EXPECT_EQ(all.graph.parameters(), 3 + 1);
}

TEST(Frozen, SomethingMustBeTrained) {
  EXPECT_EQ(rejection("  - {block: dense, name: a, from: x, frozen: true, width: 3}\n"),
            "w.yaml:10:3: layers: no layer has parameters to train; a linear layer has, unless it is frozen");
  EXPECT_EQ(rejection("  - {block: dense, name: a, from: x, frozen: maybe, width: 3}\n"),
            "w.yaml:10:46: layers.0.frozen: expected true or false (on, off), found 'maybe'");
}

TEST(Gather, TakesRowsOfALayer) {
  const device::Job made =
      job("  - {type: linear, name: fc, from: x, out_features: 6}\n"
          "  - {type: reshape, name: table, shape: [-1, 3]}\n"
          "  - {type: gather, name: taken, from: [table, rows]}\n");
  const auto loss = tensors(made).at("taken.gather");
  EXPECT_EQ(made.graph.tensor(loss).shape, (graph::Shape{2, 5, 3}));
}

TEST(Gather, RefusesWhatAreNoRows) {
  EXPECT_EQ(rejection("  - {type: linear, name: fc, from: x, out_features: 6}\n"
                      "  - {type: gather, name: taken, from: [fc, rows]}\n"),
            "w.yaml:11:5: layers.1: layer 'taken': the input rows has numbers to 3, but there are 2 rows");
  EXPECT_EQ(rejection("  - {type: gather, name: taken, from: [x, x]}\n"),
            "w.yaml:10:5: layers.0: layer 'taken': gather takes whole numbers second, an input with classes; x [2, 3] "
            "holds real ones");
}

}  // namespace
}  // namespace triad::workload
