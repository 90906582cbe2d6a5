#include "sim/graph/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>

#include "sim/graph/op.hpp"
#include "sim/graph/ops/tables.hpp"

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

/// Gradients of slices of one tensor, joined again: neighbouring slices make one concat instead of a pad each, which
/// would take as many passes over the whole tensor as it has slices (the time steps of a recurrent layer).
class Slices {
 public:
  /// Takes the gradient of a slice's result; false where the op is another, or slices several axes or in steps.
  bool take(const Graph& graph, const Op& op, TensorId gradient) {
    if (op.kind != OpKind::slice || gradient == -1) return false;
    const Shape& whole = graph.tensor(op.inputs[0]).shape;
    const auto &begin = op.integers("begin"), &end = op.integers("end"), &step = op.integers("step");
    std::size_t axis = whole.size();
    for (std::size_t i = 0; i < whole.size(); ++i) {
      if (step[i] != 1) return false;
      if (begin[i] == 0 && end[i] == whole[i]) continue;
      if (axis != whole.size()) return false;
      axis = i;
    }
    if (axis == whole.size()) return false;
    parts_[op.inputs[0]].push_back({axis, begin[axis], end[axis], gradient});
    return true;
  }

  /// The gradients of the tensor that its slices make together; each has its shape.
  std::vector<TensorId> join(Graph& graph, TensorId tensor) {
    const auto found = parts_.find(tensor);
    if (found == parts_.end()) return {};
    std::vector<Part> parts = std::move(found->second);
    parts_.erase(found);
    std::ranges::stable_sort(parts, {}, [](const Part& part) { return std::pair(part.axis, part.begin); });
    std::vector<TensorId> result;
    while (!parts.empty()) {
      // A run: from the first part left, each next one that begins where the one before ends.
      std::vector<Part> run, rest;
      for (const Part& part : parts) {
        const bool next = run.empty() || (part.axis == run[0].axis && part.begin == run.back().end);
        (next ? run : rest).push_back(part);
      }
      result.push_back(whole(graph, tensor, run));
      parts = std::move(rest);
    }
    return result;
  }

 private:
  struct Part {
    std::size_t axis;
    std::int64_t begin, end;
    TensorId gradient;
  };

  static TensorId whole(Graph& graph, TensorId tensor, const std::vector<Part>& run) {
    const std::string name = ops::gradient_name(graph, tensor);
    const Shape shape = graph.tensor(tensor).shape;
    const std::size_t axis = run[0].axis;
    std::vector<TensorId> gradients;
    for (const Part& part : run) gradients.push_back(part.gradient);
    TensorId joined = gradients[0];
    if (gradients.size() > 1) {
      joined = ops::append(graph, OpKind::concat, name, gradients, {{"axis", static_cast<std::int64_t>(axis)}});
    }
    if (run[0].begin == 0 && run.back().end == shape[axis]) return joined;
    std::vector<std::int64_t> none(shape.size(), 0), before = none, after = none;
    before[axis] = run[0].begin;
    after[axis] = shape[axis] - run.back().end;
    return ops::append(graph, OpKind::pad, name, {joined}, {{"before", before}, {"after", after}, {"interior", none}});
  }

  std::map<TensorId, std::vector<Part>> parts_;
};

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
  const auto join_slices = [&](TensorId tensor) {
    for (const TensorId gradient : slices.join(graph, tensor)) accumulate(tensor, gradient);
  };
  for (std::size_t index = graph.ops.size(); index-- > 0;) {
    const Op op = graph.ops[index];  // a copy: the rules append to graph.ops
    std::vector<TensorId> outputs;
    bool reached = false;
    for (const TensorId output : op.outputs) {
      join_slices(output);
      outputs.push_back(gradients[static_cast<std::size_t>(output)]);
      reached |= outputs.back() != -1;
    }
    std::vector<bool> wanted;
    for (const TensorId input : op.inputs) wanted.push_back(trained[static_cast<std::size_t>(input)]);
    if (!reached || std::ranges::find(wanted, true) == wanted.end()) continue;

    if (slices.take(graph, op, outputs[0])) continue;
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
    join_slices(static_cast<TensorId>(id));
    if (gradients[id] == -1) {
      throw std::invalid_argument(
          fmt::format("{}: the loss does not depend on this parameter", graph.tensors[id].name));
    }
    result.emplace_back(static_cast<TensorId>(id), gradients[id]);
  }
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
