#include "sim/graph/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>

#include "sim/graph/joins.hpp"
#include "sim/graph/op.hpp"

namespace triad::graph {
namespace {

/// Which tensors depend on a parameter, and so need a gradient.
std::vector<bool> trained_tensors(const Graph& graph) {
  std::vector<bool> trained(graph.tensors.size(), false);
  for (std::size_t id = 0; id < graph.tensors.size(); ++id) trained[id] = graph.tensors[id].role == Role::parameter;
  for (const Op& op : graph.ops) {
    const bool any = std::ranges::any_of(op.inputs, [&](TensorId id) { return trained[static_cast<std::size_t>(id)]; });
    for (const TensorId output : op.outputs) trained[static_cast<std::size_t>(output)] = any;
  }
  return trained;
}

/// Throws unless the loss is a scalar that an op makes and nothing reads.
void check_loss(const Graph& graph) {
  if (graph.loss < 0) throw std::invalid_argument("the graph has no loss to differentiate");
  const Tensor& loss = graph.tensor(graph.loss);
  if (elements(loss.shape) != 1) {
    throw std::invalid_argument(fmt::format("{}: the loss is {}, must be a scalar", loss.name, to_string(loss.shape)));
  }
  bool made = false;
  for (const Op& op : graph.ops) {
    if (std::ranges::find(op.inputs, graph.loss) != op.inputs.end()) {
      throw std::invalid_argument(
          fmt::format("{}: the loss must be the root of the graph, but {} reads it", loss.name, op.name));
    }
    made |= std::ranges::find(op.outputs, graph.loss) != op.outputs.end();
  }
  if (!made) throw std::invalid_argument(fmt::format("{}: no op makes the loss", loss.name));
}

/// Gradient rules cast what enters their contractions; a gradient that enters several is cast once.
void share_casts(Graph& graph) {
  std::map<std::pair<TensorId, numerics::Format>, TensorId> first;
  std::vector<TensorId> instead(graph.tensors.size());
  std::iota(instead.begin(), instead.end(), 0);
  std::vector<Op> kept;
  for (Op& op : graph.ops) {
    for (TensorId& id : op.inputs) id = instead[static_cast<std::size_t>(id)];
    if (op.kind == OpKind::cast) {
      const TensorId made = op.outputs[0];
      const auto [known, fresh] = first.try_emplace({op.inputs[0], graph.tensor(made).format}, made);
      instead[static_cast<std::size_t>(made)] = known->second;
      if (!fresh) continue;
    }
    kept.push_back(std::move(op));
  }
  graph.replace_ops(std::move(kept));
}

}  // namespace

std::vector<std::pair<TensorId, TensorId>> differentiate(Graph& graph, TensorId loss_gradient) {
  check_loss(graph);
  const std::vector<bool> trained = trained_tensors(graph);
  std::vector<TensorId> gradients(graph.tensors.size(), -1);
  gradients[static_cast<std::size_t>(graph.loss)] = loss_gradient;

  const auto accumulate = [&](TensorId tensor, TensorId gradient) {
    TensorId& sum = gradients[static_cast<std::size_t>(tensor)];
    if (gradient == -1) return;
    if (sum == -1) {
      sum = gradient;
      return;
    }
    const std::string name = graph.unique_name(graph.tensor(tensor).name + ".grad.sum");
    sum = graph.add_op(OpKind::add, name, {sum, gradient}, {}, Phase::backward)[0];
  };

  Slices slices;
  Products products(graph);
  const auto join = [&](TensorId tensor) {
    for (const TensorId gradient : slices.join(graph, tensor)) accumulate(tensor, gradient);
    accumulate(tensor, products.join(graph, tensor));
  };
  for (std::size_t index = graph.ops.size(); index-- > 0;) {
    const Op op = graph.ops[index];  // a copy: the rules append to graph.ops
    std::vector<TensorId> outputs;
    bool reached = false;
    for (const TensorId output : op.outputs) {
      join(output);
      outputs.push_back(gradients[static_cast<std::size_t>(output)]);
      reached |= outputs.back() != -1;
    }
    std::vector<bool> wanted;
    for (const TensorId input : op.inputs) wanted.push_back(trained[static_cast<std::size_t>(input)]);
    if (!reached || std::ranges::find(wanted, true) == wanted.end()) continue;

    if (slices.take(graph, op, outputs[0])) continue;
    if (wanted.size() == 2 && wanted[1] && products.take(op, outputs[0])) wanted[1] = false;
    if (std::ranges::find(wanted, true) == wanted.end()) continue;
    const GradientRule& rule = definition(op.kind).gradient;
    if (!rule) {
      throw std::invalid_argument(fmt::format("{}: {} has no gradient", op.name, to_string(op.kind)));
    }
    const std::vector<TensorId> inputs = rule(graph, op, outputs, wanted);
    for (std::size_t i = 0; i < inputs.size(); ++i) accumulate(op.inputs[i], inputs[i]);
  }

  std::vector<std::pair<TensorId, TensorId>> result;
  for (std::size_t id = 0; id < trained.size(); ++id) {
    if (graph.tensors[id].role != Role::parameter) continue;
    join(static_cast<TensorId>(id));
    if (gradients[id] == -1) {
      throw std::invalid_argument(
          fmt::format("{}: the loss does not depend on this parameter", graph.tensors[id].name));
    }
    result.emplace_back(static_cast<TensorId>(id), gradients[id]);
  }
  share_casts(graph);
  return result;
}

Graph training_step(const Graph& forward, const Training& training) {
  Graph graph = forward;
  const TensorId loss_gradient =
      graph.add_tensor({loss_gradient_name, {}, numerics::Format::fp32, Role::constant, training.loss_scale});
  const auto gradients = differentiate(graph, loss_gradient);
  const Optimizer& optimizer = training.optimizer;
  const auto scalar = [&](const char* name) {
    return graph.add_tensor({name, {}, numerics::Format::fp32, Role::input});
  };
  const TensorId learning_rate = scalar(learning_rate_name);
  const bool adam = optimizer.kind == Optimizer::Kind::adam;
  const TensorId correction1 = adam ? scalar(correction1_name) : -1, correction2 = adam ? scalar(correction2_name) : -1;

  for (const auto& [parameter, gradient] : gradients) {
    const Tensor trained = graph.tensor(parameter);
    std::vector<TensorId> inputs = {parameter, gradient, learning_rate}, states;
    if (adam) inputs.insert(inputs.end(), {correction1, correction2});
    const auto state = [&](const char* name) {
      states.push_back(graph.add_tensor({trained.name + "." + name, trained.shape, trained.format, Role::state}));
    };
    if (adam) {
      state("first_moment");
      state("second_moment");
    } else if (optimizer.momentum != 0) {
      state("velocity");
    }
    inputs.insert(inputs.end(), states.begin(), states.end());
    Attributes attributes = {{"weight_decay", optimizer.weight_decay}, {"gradient_scale", 1 / training.loss_scale}};
    if (adam) {
      attributes.insert({{"beta1", optimizer.beta1},
                         {"beta2", optimizer.beta2},
                         {"epsilon", optimizer.epsilon},
                         {"decoupled", optimizer.decoupled}});
    } else {
      attributes.insert({{"momentum", optimizer.momentum}, {"nesterov", optimizer.nesterov}});
    }
    const std::vector<TensorId> outputs =
        graph.add_op(adam ? OpKind::adam : OpKind::sgd, trained.name + ".update", inputs, attributes, Phase::update);
    graph.updates.push_back({parameter, outputs[0]});
    for (std::size_t i = 0; i < states.size(); ++i) graph.updates.push_back({states[i], outputs[i + 1]});
  }
  return graph;
}

}  // namespace triad::graph
