#include "sim/graph/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

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

/// Throws unless the loss is a scalar that one loss op makes and nothing reads.
void check_loss(const Graph& graph) {
  if (graph.loss < 0) throw std::invalid_argument("the graph has no loss to differentiate");
  const std::string& name = graph.tensor(graph.loss).name;
  bool made = false;
  for (const Op& op : graph.ops) {
    if (std::ranges::find(op.inputs, graph.loss) != op.inputs.end()) {
      throw std::invalid_argument(
          fmt::format("{}: the loss must be the root of the graph, but {} reads it", name, op.name));
    }
    if (std::ranges::find(op.outputs, graph.loss) == op.outputs.end()) continue;
    made = true;
    if (op.kind != OpKind::mse && op.kind != OpKind::cross_entropy) {
      throw std::invalid_argument(
          fmt::format("{}: {} is no loss; must be mse or cross_entropy", name, to_string(op.kind)));
    }
  }
  if (!made) throw std::invalid_argument(fmt::format("{}: no op makes the loss", name));
}

}  // namespace

std::vector<std::pair<TensorId, TensorId>> differentiate(Graph& graph) {
  check_loss(graph);
  const std::vector<bool> trained = trained_tensors(graph);
  std::vector<TensorId> gradients(graph.tensors.size(), -1);

  const auto accumulate = [&](TensorId tensor, TensorId gradient) {
    TensorId& sum = gradients[static_cast<std::size_t>(tensor)];
    if (gradient == -1) return;
    if (sum == -1) {
      sum = gradient;
      return;
    }
    std::string name = graph.tensor(tensor).name + ".grad.sum";
    for (int n = 2; std::ranges::find(graph.ops, name, &Op::name) != graph.ops.end(); ++n) {
      name = fmt::format("{}.grad.sum.{}", graph.tensor(tensor).name, n);
    }
    sum = graph.add_op(OpKind::add, name, {sum, gradient}, {}, Phase::backward)[0];
  };

  for (std::size_t index = graph.ops.size(); index-- > 0;) {
    const Op op = graph.ops[index];  // a copy: the rules append to graph.ops
    std::vector<TensorId> outputs;
    bool reached = false;
    for (const TensorId output : op.outputs) {
      outputs.push_back(gradients[static_cast<std::size_t>(output)]);
      reached |= output == graph.loss || outputs.back() != -1;
    }
    std::vector<bool> wanted;
    for (const TensorId input : op.inputs) wanted.push_back(trained[static_cast<std::size_t>(input)]);
    if (!reached || std::ranges::find(wanted, true) == wanted.end()) continue;

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
    if (gradients[id] == -1) {
      throw std::invalid_argument(
          fmt::format("{}: the loss does not depend on this parameter", graph.tensors[id].name));
    }
    result.emplace_back(static_cast<TensorId>(id), gradients[id]);
  }
  return result;
}

Graph training_step(const Graph& forward, const Optimizer& optimizer) {
  Graph graph = forward;
  const auto gradients = differentiate(graph);
  for (const auto& [parameter, gradient] : gradients) {
    const Tensor trained = graph.tensor(parameter);
    std::vector<TensorId> inputs = {parameter, gradient};
    if (optimizer.momentum != 0) {
      inputs.push_back(graph.add_tensor({trained.name + ".velocity", trained.shape, trained.format, Role::state}));
    }
    const std::vector<TensorId> outputs =
        graph.add_op(OpKind::sgd, trained.name + ".update", inputs,
                     {{"learning_rate", optimizer.learning_rate}, {"momentum", optimizer.momentum}}, Phase::update);
    graph.updates.push_back({parameter, outputs[0]});
    if (optimizer.momentum != 0) graph.updates.push_back({inputs[2], outputs[1]});
  }
  return graph;
}

}  // namespace triad::graph
