#include "sim/graph/training.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "sim/graph/op.hpp"

/// The structure of the training step. That its gradients are right is checked against finite differences, where graphs
/// can be run: tests/unit/sim/reference/gradient_test.cpp.
namespace triad::graph {
namespace {

/// y = x Wᵀ + b with mean squared error, 32 samples, 10 -> 1; operands of the product cast to `format`.
Graph linear(numerics::Format format = numerics::Format::fp32) {
  Graph graph;
  TensorId x = graph.add_tensor({"x", {32, 10}, numerics::Format::fp32, Role::input});
  const TensorId y = graph.add_tensor({"y", {32, 1}, numerics::Format::fp32, Role::input});
  TensorId w = graph.add_tensor({"fc.weight", {1, 10}, numerics::Format::fp32, Role::parameter});
  const TensorId b = graph.add_tensor({"fc.bias", {1}, numerics::Format::fp32, Role::parameter});
  if (format == numerics::Format::bf16) {
    x = graph.add_op(OpKind::cast, "x.bf16", {x}, {{"format", std::string("bf16")}})[0];
    w = graph.add_op(OpKind::cast, "fc.weight.bf16", {w}, {{"format", std::string("bf16")}})[0];
  }
  const TensorId product = graph.add_op(OpKind::matmul, "fc.matmul", {x, w}, {{"transpose_b", true}})[0];
  const TensorId sum = graph.add_op(OpKind::add, "fc.add", {product, b})[0];
  graph.loss = graph.add_op(OpKind::mse, "loss", {sum, y})[0];
  return graph;
}

std::vector<std::string> names(const Graph& graph) {
  std::vector<std::string> result;
  for (const Op& op : graph.ops) result.push_back(op.name);
  return result;
}

Training sgd(double momentum = 0) {
  Training training;
  training.optimizer.momentum = momentum;
  return training;
}

const Tensor& named(const Graph& graph, const std::string& name) {
  const auto found = std::ranges::find(graph.tensors, name, &Tensor::name);
  if (found == graph.tensors.end()) throw std::out_of_range(name);
  return *found;
}

TEST(Training, StepOfALinearLayer) {
  const Graph step = training_step(linear(), sgd());
  EXPECT_EQ(names(step), (std::vector<std::string>{"fc.matmul", "fc.add", "loss", "fc.add.grad", "fc.bias.grad",
                                                   "fc.weight.grad", "fc.weight.update", "fc.bias.update"}));
  // Forward 2*32*10 + 32 + 32, backward 32 (loss) + 32 (bias) + 2*32*10 (weight; none for x), update 10 + 1.
  EXPECT_EQ(step.flops(), 640 + 32 + 32 + 32 + 32 + 640 + 11);
  EXPECT_EQ(step.parameters(), 11);
  ASSERT_EQ(step.updates.size(), 2u);
  EXPECT_EQ(step.storage(step.updates[0].updated), step.updates[0].persistent);
  EXPECT_EQ(step.storage(step.loss), step.loss);
  EXPECT_EQ(named(step, learning_rate_name).role, Role::input);
  EXPECT_EQ(named(step, loss_gradient_name).role, Role::constant);
  EXPECT_EQ(named(step, loss_gradient_name).fill, 1);
}

TEST(Training, MomentumKeepsAVelocityPerParameter) {
  const Graph step = training_step(linear(), sgd(0.9));
  ASSERT_EQ(step.updates.size(), 4u);
  const Tensor& velocity = step.tensor(step.updates[1].persistent);
  EXPECT_EQ(velocity.name, "fc.weight.velocity");
  EXPECT_EQ(velocity.role, Role::state);
  EXPECT_EQ(velocity.fill, 0);
  EXPECT_EQ(step.tensor(step.updates[1].updated).name, "fc.weight.update.velocity");
}

TEST(Training, AdamKeepsTwoMomentsAndReadsItsCorrections) {
  Training training;
  training.optimizer.kind = Optimizer::Kind::adam;
  training.optimizer.decoupled = true;
  training.optimizer.weight_decay = 0.01;
  const Graph step = training_step(linear(), training);
  ASSERT_EQ(step.updates.size(), 6u);
  EXPECT_EQ(step.tensor(step.updates[2].persistent).name, "fc.weight.second_moment");
  const Op& update = step.ops.back();
  EXPECT_EQ(update.kind, OpKind::adam);
  EXPECT_EQ(update.name, "fc.bias.update");
  EXPECT_TRUE(update.flag("decoupled"));
  std::vector<std::string> operands;
  for (const TensorId id : update.inputs) operands.push_back(step.tensor(id).name);
  EXPECT_EQ(operands, (std::vector<std::string>{"fc.bias", "fc.bias.grad", learning_rate_name, correction1_name,
                                                correction2_name, "fc.bias.first_moment", "fc.bias.second_moment"}));
}

TEST(Training, LossScaleIsTakenOutOfTheUpdate) {
  Training training = sgd();
  training.loss_scale = 1024;
  const Graph step = training_step(linear(), training);
  EXPECT_EQ(named(step, loss_gradient_name).fill, 1024);
  EXPECT_EQ(step.ops.back().number("gradient_scale"), 1.0 / 1024);
}

TEST(Training, UpdatesOfTheForwardGraphStay) {
  Graph forward = linear();
  const TensorId mean = forward.add_tensor({"running", {1}, numerics::Format::fp32, Role::state});
  const TensorId next = forward.add_op(OpKind::scale, "running.update", {mean}, {{"factor", 0.9}})[0];
  forward.updates.push_back({mean, next});
  const Graph step = training_step(forward, sgd());
  EXPECT_EQ(step.updates.size(), 3u);
  EXPECT_EQ(step.storage(next), mean);
}

TEST(Training, GradientsThatEnterAContractionHaveItsFormat) {
  const Graph step = training_step(linear(numerics::Format::bf16), {});
  int contractions = 0;
  for (const Op& op : step.ops) {
    if (!is_contraction(op.kind)) continue;
    ++contractions;
    for (const TensorId operand : op.inputs) EXPECT_EQ(step.tensor(operand).format, numerics::Format::bf16) << op.name;
    EXPECT_EQ(step.tensor(op.outputs[0]).format, numerics::Format::fp32);
  }
  EXPECT_EQ(contractions, 2);
  EXPECT_EQ(std::ranges::count(names(step), "fc.weight.grad"), 1);
}

TEST(Training, GradientsOfATensorUsedTwiceAreAdded) {
  Graph graph;
  const TensorId w = graph.add_tensor({"w", {3, 3}, numerics::Format::fp32, Role::parameter});
  const TensorId y = graph.add_tensor({"y", {3, 3}, numerics::Format::fp32, Role::input});
  const TensorId square = graph.add_op(OpKind::matmul, "square", {w, w})[0];
  graph.loss = graph.add_op(OpKind::mse, "loss", {square, y})[0];
  const TensorId one = graph.add_tensor({"one", {}, numerics::Format::fp32, Role::constant, 1});
  const auto gradients = differentiate(graph, one);
  ASSERT_EQ(gradients.size(), 1u);
  EXPECT_EQ(graph.tensor(gradients[0].second).name, "w.grad.sum");
}

/// The parts of a parameter [7] in the order of a recurrent layer's steps: neighbours are joined by one concat, what is
/// left out stays zero, an overlap is added.
TEST(Training, GradientsOfSlicesAreJoined) {
  const auto kinds = [](const std::vector<std::pair<std::int64_t, std::int64_t>>& parts) {
    Graph graph;
    const TensorId w = graph.add_tensor({"w", {7}, numerics::Format::fp32, Role::parameter});
    std::vector<TensorId> pieces;
    for (const auto& [begin, end] : parts) {
      const Attributes range = {{"begin", Shape{begin}}, {"end", Shape{end}}, {"step", Shape{1}}};
      pieces.push_back(graph.add_op(OpKind::slice, graph.unique_name("part"), {w}, range)[0]);
      pieces.back() = graph.add_op(OpKind::exp, graph.unique_name("exp"), {pieces.back()})[0];
    }
    const TensorId joined = graph.add_op(OpKind::concat, "joined", pieces, {{"axis", std::int64_t{0}}})[0];
    graph.loss = graph.add_op(OpKind::reduce_mean, "loss", {joined}, {{"axes", Shape{0}}})[0];
    const Graph step = training_step(graph, sgd());
    std::string text;
    for (const Op& op : step.ops) {
      if (op.phase != Phase::backward || !op.name.starts_with("w.grad")) continue;
      EXPECT_EQ(step.tensor(op.outputs[0]).shape.size(), 1u);
      text += to_string(op.kind) + " " + to_string(step.tensor(op.outputs[0]).shape) + "; ";
    }
    return text;
  };
  EXPECT_EQ(kinds({{4, 7}, {0, 2}, {2, 4}}), "concat [7]; ");
  EXPECT_EQ(kinds({{0, 2}, {2, 4}}), "concat [4]; pad [7]; ");
  EXPECT_EQ(kinds({{1, 3}}), "pad [7]; ");
  EXPECT_EQ(kinds({{0, 3}, {4, 7}}), "pad [7]; pad [7]; add [7]; ");
  EXPECT_EQ(kinds({{0, 4}, {3, 7}}), "pad [7]; pad [7]; add [7]; ");
}

/// A weight that several products share, as the steps of a recurrent layer do, has its gradient by one product over all
/// rows, in the format of the forward operands.
TEST(Training, GradientsOfASharedWeightAreOneProduct) {
  for (const bool bf16 : {false, true}) {
    Graph graph;
    const TensorId w = graph.add_tensor({"w", {5, 3}, numerics::Format::fp32, Role::parameter});
    const auto cast = [&](TensorId id) {
      if (!bf16) return id;
      return graph.add_op(OpKind::cast, graph.tensor(id).name + ".bf16", {id}, {{"format", std::string("bf16")}})[0];
    };
    const TensorId weight = cast(w);
    std::vector<TensorId> results;
    for (const std::int64_t rows : {2, 4, 1}) {
      const TensorId x = graph.add_tensor({"x" + std::to_string(rows), {rows, 3}, numerics::Format::fp32, Role::input});
      const std::string name = "product" + std::to_string(rows);
      results.push_back(graph.add_op(OpKind::matmul, name, {cast(x), weight}, {{"transpose_b", true}})[0]);
    }
    const TensorId all = graph.add_op(OpKind::concat, "all", results, {{"axis", std::int64_t{0}}})[0];
    graph.loss = graph.add_op(OpKind::reduce_mean, "loss", {all}, {{"axes", Shape{0, 1}}})[0];
    const Graph step = training_step(graph, sgd());
    int products = 0;
    for (const Op& op : step.ops) {
      if (op.kind != OpKind::matmul || op.phase != Phase::backward) continue;
      ++products;
      EXPECT_EQ(step.tensor(op.inputs[0]).shape, (Shape{7, 5}));
      EXPECT_EQ(step.tensor(op.inputs[1]).shape, (Shape{7, 3}));
      EXPECT_EQ(step.tensor(op.inputs[0]).format, bf16 ? numerics::Format::bf16 : numerics::Format::fp32);
    }
    EXPECT_EQ(products, 1);
  }
}

/// The gradient of a sum enters the contractions of both its terms; it is cast to their format once.
TEST(Training, AGradientIsCastOnce) {
  Graph graph;
  const auto bf16 = [&](TensorId id) {
    return graph.add_op(OpKind::cast, graph.tensor(id).name + ".bf16", {id}, {{"format", std::string("bf16")}})[0];
  };
  const TensorId x = bf16(graph.add_tensor({"x", {4, 3}, numerics::Format::fp32, Role::input}));
  std::vector<TensorId> terms;
  for (const char* name : {"a", "b"}) {
    const TensorId w = bf16(graph.add_tensor({name, {5, 3}, numerics::Format::fp32, Role::parameter}));
    terms.push_back(graph.add_op(OpKind::matmul, std::string(name) + ".matmul", {x, w}, {{"transpose_b", true}})[0]);
  }
  const TensorId sum = graph.add_op(OpKind::add, "sum", terms)[0];
  graph.loss = graph.add_op(OpKind::reduce_mean, "loss", {sum}, {{"axes", Shape{0, 1}}})[0];
  const Graph step = training_step(graph, sgd());
  EXPECT_EQ(std::ranges::count_if(step.ops,
                                  [](const Op& op) { return op.kind == OpKind::cast && op.phase == Phase::backward; }),
            1);
}

TEST(Training, OpsStandInAnExecutableOrder) {
  const Graph step = training_step(linear(numerics::Format::bf16), sgd(0.9));
  std::vector<bool> made(step.tensors.size(), false);
  for (std::size_t id = 0; id < made.size(); ++id) made[id] = step.tensors[id].role != Role::activation;
  for (const Op& op : step.ops) {
    for (const TensorId input : op.inputs) EXPECT_TRUE(made[static_cast<std::size_t>(input)]) << op.name;
    for (const TensorId output : op.outputs) made[static_cast<std::size_t>(output)] = true;
  }
}

std::string rejection(Graph graph) {
  try {
    training_step(graph, {});
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Training, RejectsWhatHasNoGradient) {
  Graph no_loss = linear();
  no_loss.loss = -1;
  EXPECT_EQ(rejection(no_loss), "the graph has no loss to differentiate");

  Graph read = linear();
  read.add_op(OpKind::relu, "after", {read.loss});
  EXPECT_EQ(rejection(read), "loss: the loss must be the root of the graph, but after reads it");

  Graph other = linear();
  other.loss = other.ops[0].outputs[0];
  other.ops.pop_back(), other.ops.pop_back();
  EXPECT_EQ(rejection(other), "fc.matmul: the loss is [32, 1], must be a scalar");

  Graph given = linear();
  given.loss = given.add_tensor({"cost", {}, numerics::Format::fp32, Role::input});
  EXPECT_EQ(rejection(given), "cost: no op makes the loss");

  Graph unused = linear();
  unused.add_tensor({"spare", {2}, numerics::Format::fp32, Role::parameter});
  EXPECT_EQ(rejection(unused), "spare: the loss does not depend on this parameter");

  Graph twice;
  const TensorId w = twice.add_tensor({"w", {2}, numerics::Format::fp32, Role::parameter});
  const TensorId gradient = twice.add_op(OpKind::relu_grad, "g", {w, w})[0];
  twice.loss = twice.add_op(OpKind::mse, "loss", {gradient, w})[0];
  EXPECT_EQ(rejection(twice), "g: relu_grad has no gradient");
}

}  // namespace
}  // namespace triad::graph
