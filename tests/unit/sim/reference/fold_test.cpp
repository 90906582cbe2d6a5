#include "sim/reference/fold.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/graph/op.hpp"
#include "sim/graph/training.hpp"
#include "sim/reference/reference.hpp"

namespace triad::reference {
namespace {

using device::HostTensor;
using graph::OpKind;
using graph::Role;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

std::vector<std::string> names(const graph::Graph& graph) {
  std::vector<std::string> result;
  for (const graph::Op& op : graph.ops) result.push_back(op.name);
  return result;
}

/// y = x · bf16(scaled w)ᵀ + bias spread to [rows, 3], where scale, bias and w depend on no input.
device::Job network(std::int64_t rows) {
  device::Job job;
  graph::Graph& g = job.graph;
  const TensorId x = g.add_tensor({"x", {rows, 2}, Format::fp32, Role::input});
  const TensorId w = g.add_tensor({"w", {3, 2}, Format::fp32, Role::parameter});
  const TensorId factor = g.add_tensor({"factor", {}, Format::fp32, Role::constant, 0.5});
  const TensorId half = g.add_op(OpKind::scale, "half", {factor}, {{"factor", 0.5}})[0];
  const TensorId scaled = g.add_op(OpKind::multiply, "scaled", {w, half})[0];
  const TensorId short_w = g.add_op(OpKind::cast, "w.bf16", {scaled}, {{"format", std::string("bf16")}})[0];
  const TensorId short_x = g.add_op(OpKind::cast, "x.bf16", {x}, {{"format", std::string("bf16")}})[0];
  const TensorId product = g.add_op(OpKind::matmul, "product", {short_x, short_w}, {{"transpose_b", true}})[0];
  const TensorId bias = g.add_op(OpKind::broadcast, "bias", {half}, {{"shape", Shape{rows, 3}}})[0];
  g.add_op(OpKind::add, "y", {product, bias});
  job.initial[w] = HostTensor::of({3, 2}, {1, 2, 3, 4, 5, 6});
  std::vector<float> values(static_cast<std::size_t>(rows * 2));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 3;
  job.batches[x] = {HostTensor::of({rows, 2}, values)};
  return job;
}

TEST(Fold, AForwardJobKeepsWhatDependsOnItsInputs) {
  device::Job job = network(5);
  const Outcome before = run(job);
  fold_constants(job);
  EXPECT_EQ(names(job.graph), (std::vector<std::string>{"x.bf16", "product", "y"}));
  std::vector<std::string> constants;
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    const graph::Tensor& tensor = job.graph.tensors[i];
    if (tensor.role == Role::constant) constants.push_back(tensor.name);
    EXPECT_EQ(job.initial.contains(static_cast<TensorId>(i)),
              tensor.role == Role::parameter || (tensor.role == Role::constant && tensor.name != "factor"))
        << tensor.name;
  }
  EXPECT_EQ(constants, (std::vector<std::string>{"factor", "w.bf16", "bias"}));
  const Outcome after = run(job);
  EXPECT_EQ(after.outputs.at("y").bytes, before.outputs.at("y").bytes);
  EXPECT_EQ(after.weights.at("w").bytes, before.weights.at("w").bytes);
}

TEST(Fold, ALargeBroadcastIsNotStored) {
  device::Job job = network(10000);  // 10000 * 3 * 4 bytes are more than 64 KiB
  const Outcome before = run(job);
  fold_constants(job);
  EXPECT_EQ(names(job.graph), (std::vector<std::string>{"x.bf16", "product", "bias", "y"}));
  EXPECT_EQ(job.graph.tensor(job.graph.ops[2].inputs[0]).role, Role::constant);
  EXPECT_EQ(run(job).outputs.at("y").bytes, before.outputs.at("y").bytes);
}

TEST(Fold, WithoutValuesTheGraphIsTheSame) {
  device::Job with = network(5), without = network(5);
  without.values = false;
  without.initial.clear();
  without.batches.clear();
  fold_constants(with);
  fold_constants(without);
  EXPECT_EQ(names(without.graph), names(with.graph));
  EXPECT_TRUE(without.initial.empty());
  for (std::size_t i = 0; i < with.graph.tensors.size(); ++i) {
    EXPECT_EQ(without.graph.tensors[i].role, with.graph.tensors[i].role);
  }
}

TEST(Fold, ATrainingJobKeepsItsParameters) {
  device::Job job = network(5);
  graph::Graph& g = job.graph;
  const TensorId y = g.ops.back().outputs[0];
  const TensorId target = g.add_tensor({"target", {5, 3}, Format::fp32, Role::constant, 1});
  g.loss = g.add_op(OpKind::mse, "loss", {y, target})[0];
  job.graph = graph::training_step(g, {});
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    if (job.graph.tensors[i].name == graph::learning_rate_name) {
      job.batches[static_cast<TensorId>(i)] = {HostTensor::of({}, {0.01f})};
    }
  }
  job.steps = 3;
  const Outcome before = run(job);
  const std::size_t ops = job.graph.ops.size();
  fold_constants(job);
  const std::vector<std::string> left = names(job.graph);
  for (const char* name : {"scaled", "w.bf16", "loss", "w.update"}) {
    EXPECT_NE(std::ranges::find(left, name), left.end()) << name;
  }
  for (const char* name : {"half", "bias"}) EXPECT_EQ(std::ranges::find(left, name), left.end()) << name;
  EXPECT_EQ(left.size(), ops - 2);
  const Outcome after = run(job);
  EXPECT_EQ(after.loss, before.loss);
  EXPECT_EQ(after.weights.at("w").bytes, before.weights.at("w").bytes);
}

/// What the graph is run for is made by the device, even where it depends on constants alone.
TEST(Fold, ResultsAreStillComputed) {
  device::Job job;
  const TensorId c = job.graph.add_tensor({"c", {2}, Format::fp32, Role::constant, 3});
  const TensorId a = job.graph.add_op(OpKind::scale, "a", {c}, {{"factor", 2.0}})[0];
  job.graph.add_op(OpKind::scale, "b", {a}, {{"factor", 2.0}});
  fold_constants(job);
  EXPECT_EQ(names(job.graph), std::vector<std::string>{"b"});
  EXPECT_EQ(run(job).outputs.at("b").floats(), (std::vector<float>{12, 12}));
}

}  // namespace
}  // namespace triad::reference
