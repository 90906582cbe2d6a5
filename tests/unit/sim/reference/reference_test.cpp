#include "sim/reference/reference.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include "sim/graph/op.hpp"
#include "sim/graph/training.hpp"
#include "sim/reference/kernels.hpp"

namespace triad::reference {
namespace {

using device::HostTensor;
using graph::OpKind;
using numerics::Format;

/// oneDNN against the triple loop in fp64, every combination of transposes, 1 and primes among the sizes.
TEST(Multiply, AgreesWithTheDefinition) {
  std::mt19937 engine(7);
  const auto random = [&](std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& v : values) v = static_cast<float>(engine()) * 0x1p-31f - 1.0f;
    return values;
  };
  const std::int64_t sizes[] = {1, 2, 7, 31, 67};
  for (const std::int64_t m : sizes) {
    for (const std::int64_t n : sizes) {
      for (const std::int64_t k : sizes) {
        const std::vector<float> a = random(m * k), b = random(k * n);
        for (const bool ta : {false, true}) {
          for (const bool tb : {false, true}) {
            std::vector<float> c(static_cast<std::size_t>(m * n));
            multiply({1, m, n, k, ta, tb}, a.data(), b.data(), c.data());
            for (std::int64_t i = 0; i < m; ++i) {
              for (std::int64_t j = 0; j < n; ++j) {
                double sum = 0;
                for (std::int64_t p = 0; p < k; ++p) {
                  sum += static_cast<double>(a[static_cast<std::size_t>(ta ? p * m + i : i * k + p)]) *
                         b[static_cast<std::size_t>(tb ? j * k + p : p * n + j)];
                }
                // k roundings of partial sums below k.
                ASSERT_NEAR(c[static_cast<std::size_t>(i * n + j)], sum, static_cast<double>(k * k) * 0x1p-24)
                    << m << "x" << n << "x" << k << " at " << i << ", " << j;
              }
            }
          }
        }
      }
    }
  }
}

/// loss = mean((w - y)^2) over 2 elements, two batches that alternate.
device::Job job(int steps, double momentum) {
  device::Job job;
  graph::Graph graph;
  const auto w = graph.add_tensor({"w", {2}, Format::fp32, graph::Role::parameter});
  const auto y = graph.add_tensor({"y", {2}, Format::fp32, graph::Role::input});
  graph.loss = graph.add_op(OpKind::mse, "loss", {w, y})[0];
  graph::Training training;
  training.optimizer.momentum = momentum;
  job.graph = graph::training_step(graph, training);
  job.steps = steps;
  job.initial[w] = HostTensor::of({2}, {1, 2});
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    if (job.graph.tensors[i].name == graph::learning_rate_name) {
      job.batches[static_cast<graph::TensorId>(i)] = {HostTensor::of({}, {0.25f})};
    }
  }
  job.batches[y] = {HostTensor::of({2}, {0, 0}), HostTensor::of({2}, {4, 4})};
  return job;
}

TEST(Reference, StepsBatchesAndUpdates) {
  // gradient = 2 (w - y) / 2 = w - y; w' = w - (w - y) / 4.
  // step 0, y = 0: loss (1 + 4) / 2 = 2.5, w = {0.75, 1.5}
  // step 1, y = 4: loss (3.25^2 + 2.5^2) / 2 = 8.40625, w = {0.75 + 3.25 / 4, 1.5 + 2.5 / 4} = {1.5625, 2.125}
  // step 2, y = 0 again: loss (1.5625^2 + 2.125^2) / 2 = 3.478515625, w = {1.171875, 1.59375}
  const Outcome outcome = run(job(3, 0));
  EXPECT_EQ(outcome.loss, (std::vector<double>{2.5, 8.40625, 3.478515625}));
  EXPECT_EQ(outcome.weights.at("w").floats(), (std::vector<float>{1.171875f, 1.59375f}));
}

TEST(Reference, MomentumAccumulates) {
  // step 0, y = 0: v = {1, 2}, w = {0.75, 1.5}
  // step 1, y = 4: v = {0.5 - 3.25, 1 - 2.5} = {-2.75, -1.5}, w = {0.75 + 0.6875, 1.5 + 0.375}
  EXPECT_EQ(run(job(2, 0.5)).weights.at("w").floats(), (std::vector<float>{1.4375f, 1.875f}));
}

TEST(Reference, RunsTwiceToTheSameBits) {
  const Outcome first = run(job(50, 0.9)), second = run(job(50, 0.9));
  EXPECT_EQ(first.loss, second.loss);
  EXPECT_EQ(first.weights.at("w").bytes, second.weights.at("w").bytes);
}

TEST(Reference, CrossEntropyOfHugeLogitsIsFinite) {
  device::Job job;
  const auto logits = job.graph.add_tensor({"logits", {1, 3}, Format::fp32, graph::Role::parameter});
  const auto number = job.graph.add_tensor({"number", {1}, Format::int32, graph::Role::input});
  const auto each = job.graph.add_op(OpKind::cross_entropy, "each", {logits, number})[0];
  job.graph.loss = job.graph.add_op(OpKind::reduce_mean, "loss", {each}, {{"axes", std::vector<std::int64_t>{0}}})[0];
  job.initial[logits] = HostTensor::of({1, 3}, {1e4f, -1e4f, 1e4f});
  job.batches[number] = {HostTensor::of_integers({1}, {2})};
  EXPECT_FLOAT_EQ(static_cast<float>(run(job).loss[0]), std::log(2.0f));
  job.batches[number] = {HostTensor::of_integers({1}, {3})};
  EXPECT_THROW(run(job), std::invalid_argument);
}

TEST(Reference, RejectsAJobThatLacksAValue) {
  device::Job no_weight = job(1, 0), no_batch = job(1, 0), wrong_shape = job(1, 0);
  no_weight.initial.clear();
  EXPECT_THROW(run(no_weight), std::invalid_argument);
  no_batch.batches.clear();
  EXPECT_THROW(run(no_batch), std::invalid_argument);
  wrong_shape.initial[0] = HostTensor::of({1}, {1});
  EXPECT_THROW(run(wrong_shape), std::invalid_argument);
  device::Job shapes_only = job(1, 0);
  shapes_only.values = false;
  EXPECT_THROW(run(shapes_only), std::invalid_argument);
}

TEST(Reference, AGraphWithoutLossGivesItsResults) {
  device::Job job;
  const auto x = job.graph.add_tensor({"x", {2}, Format::fp32, graph::Role::input});
  const auto c = job.graph.add_tensor({"c", {2}, Format::fp32, graph::Role::constant, 3});
  const auto y = job.graph.add_op(OpKind::add, "y", {x, c})[0];
  const auto z = job.graph.add_op(OpKind::reshape, "z", {y}, {{"shape", graph::Shape{2, 1}}})[0];
  job.graph.add_op(OpKind::scale, "twice", {y}, {{"factor", 2.0}});
  job.batches[x] = {HostTensor::of({2}, {1, 2}), HostTensor::of({2}, {10, 20})};
  job.steps = 2;
  const Outcome outcome = run(job);
  EXPECT_TRUE(outcome.loss.empty());
  ASSERT_EQ(outcome.outputs.size(), 2u);
  EXPECT_EQ(outcome.outputs.at("z").floats(), (std::vector<float>{13, 23}));
  EXPECT_EQ(outcome.outputs.at("twice").floats(), (std::vector<float>{26, 46}));
  const std::vector<HostTensor> values = evaluate(job, std::vector<graph::TensorId>{z, y, x});
  EXPECT_EQ(values[0].shape, (graph::Shape{2, 1}));
  EXPECT_EQ(values[1].floats(), (std::vector<float>{4, 5}));
  EXPECT_EQ(values[2].floats(), (std::vector<float>{1, 2}));
}

TEST(MaxError, IsRelativeAndCoversLossesAndWeights) {
  const Outcome outcome = run(job(3, 0));
  device::RunResult result;
  result.loss = outcome.loss;
  result.weights = outcome.weights;
  EXPECT_EQ(max_error(result, outcome), 0);

  result.loss[1] *= 1.001;
  EXPECT_NEAR(max_error(result, outcome), 0.001, 1e-9);
  result.weights["w"] = HostTensor::of({2}, {1.171875f * 1.01f, 1.59375f});
  EXPECT_NEAR(max_error(result, outcome), 0.01, 1e-6);
  result.loss[2] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(max_error(result, outcome), std::numeric_limits<double>::infinity());

  result.loss.pop_back();
  EXPECT_THROW(max_error(result, outcome), std::invalid_argument);
  result.loss = outcome.loss;
  result.weights.erase("w");
  EXPECT_THROW(max_error(result, outcome), std::invalid_argument);
}

TEST(WeightErrors, AreRelativeToTheNormOfTheTensor) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  Outcome outcome;
  outcome.weights["w"] = HostTensor::of({2}, {3, 4});
  outcome.weights["x"] = HostTensor::of({2}, {nan, 1});
  outcome.weights["z"] = HostTensor::of({2}, {0, 0});
  device::RunResult result;
  result.weights = outcome.weights;
  for (const auto& [name, error] : weight_errors(result, outcome)) EXPECT_EQ(error, 0) << name;

  result.weights["w"] = HostTensor::of({2}, {3.5f, 4});     // |(0.5, 0)| / |(3, 4)| = 0.1
  result.weights["x"] = HostTensor::of({2}, {0, 1});        // a number for a NaN
  result.weights["z"] = HostTensor::of({2}, {0, 1.5e-6f});  // 1.5e-6 / 1e-6, the least norm
  auto errors = weight_errors(result, outcome);
  EXPECT_NEAR(errors.at("w"), 0.1, 1e-12);
  EXPECT_EQ(errors.at("x"), std::numeric_limits<double>::infinity());
  EXPECT_NEAR(errors.at("z"), 1.5, 1e-6);

  result.weights["w"] = HostTensor::of({2}, {infinity, 4});
  EXPECT_EQ(weight_errors(result, outcome).at("w"), std::numeric_limits<double>::infinity());
  result.weights["w"] = HostTensor::of({3}, {3, 4, 5});
  EXPECT_THROW(weight_errors(result, outcome), std::invalid_argument);
}

}  // namespace
}  // namespace triad::reference
