#include "sim/workload/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "sim/graph/passes.hpp"
#include "sim/workload/layers/builder.hpp"
#include "sim/workload/layers/scope.hpp"
#include "sim/workload/losses.hpp"
#include "sim/workload/onnx/onnx.hpp"

namespace triad::workload {
namespace {

Shape read_shape(const config::Node& node, bool values, std::size_t least_rank) {
  const std::int64_t room = values ? largest_array : largest_tensor;
  Shape shape;
  std::int64_t size = 1;
  for (const config::Node& item : node.items()) {
    shape.push_back(item.integer(1, largest_dimension));
    if (shape.back() > room / size) item.fail(fmt::format("more than {} elements", room));
    size *= shape.back();
  }
  if (shape.size() < least_rank) {
    node.fail(fmt::format("{} is not the shape of a batch; must be {}", graph::to_string(shape),
                          least_rank == 2 ? "[batch, features] or more" : "[batch] or more"));
  }
  return shape;
}

/// {shape: [8, 128], classes: 30522} or {shape: [8, 128], synthetic: mask}
Feed read_feed(graph::Graph& graph, const config::Node& node, const std::string& name, bool values, bool alone) {
  Feed feed;
  feed.name = name;
  if (const auto classes = node.find("classes")) feed.classes = classes->integer(1, largest_dimension);
  const Shape shape = read_shape(node.at("shape"), values, alone && feed.classes == 0 ? 2 : 1);
  if (const auto kind = node.find("synthetic")) {
    const std::string word = kind->choice({"uniform", "mask", "lengths"});
    if (word == "mask") {
      if (feed.classes != 0 || shape.size() != 2) kind->fail("a mask is [batch, n], without classes");
      feed.kind = Feed::Kind::mask;
    }
    if (word == "lengths") {
      if (feed.classes == 0 || shape.size() != 1) kind->fail("lengths are [batch], with classes: the longest + 1");
      feed.kind = Feed::Kind::lengths;
    }
  }
  feed.tensor = graph.add_tensor({name, shape, feed.classes == 0 ? Format::fp32 : Format::int32, graph::Role::input});
  return feed;
}

void read_inputs(Network& network, Builder& builder, const config::Node& workload, bool values) {
  const auto several = workload.find("inputs");
  if (!several) {
    network.inputs.push_back(read_feed(network.graph, workload.at("input"), "x", values, true));
    builder.publish("x", network.inputs[0].tensor);
    return;
  }
  if (const auto one = workload.find("input")) one->fail("either input or inputs, not both");
  for (const std::string& name : several->keys()) {
    const config::Node node = several->at(name);
    if (name == "input" || name == "step" || name.find('.') != std::string::npos) {
      node.fail(fmt::format("'{}' cannot be the name of an input", name));
    }
    network.inputs.push_back(read_feed(network.graph, node, name, values, false));
    const Feed& feed = network.inputs.back();
    builder.publish(name, feed.tensor);
    const std::int64_t batch = builder.shape(network.inputs[0].tensor)[0], own = builder.shape(feed.tensor)[0];
    if (own != batch) {
      node.at("shape").fail(fmt::format("a batch of {}, but {} has one of {}", own, network.inputs[0].name, batch));
    }
  }
  if (network.inputs.empty()) several->fail("names at least one input");
}

/// Removes the ops that the output does not depend on.
void keep_only(graph::Graph& graph, TensorId output, const config::Node& list) {
  std::vector<bool> wanted(graph.tensors.size(), false);
  wanted[static_cast<std::size_t>(output)] = true;
  std::vector<graph::Op> ops;
  for (auto op = graph.ops.rbegin(); op != graph.ops.rend(); ++op) {
    if (std::ranges::none_of(op->outputs, [&](TensorId id) { return wanted[static_cast<std::size_t>(id)]; })) continue;
    for (const TensorId id : op->inputs) wanted[static_cast<std::size_t>(id)] = true;
    ops.push_back(*op);
  }
  if (ops.empty()) list.fail("no layer computes anything");
  std::ranges::reverse(ops);
  graph.replace_ops(std::move(ops));
}

}  // namespace

Network read_network(const config::Node& workload, Format precision, bool values, bool inference) {
  Network network;
  Builder builder(network, precision, values, inference);
  const auto model = workload.find("model");
  if (model) {
    read_onnx(*model, builder);
  } else {
    read_inputs(network, builder, workload, values);
  }
  LayerList layers(builder, workload);
  Scope top;
  for (const Feed& feed : network.inputs) top.inputs.push_back(feed.tensor);
  const config::Node list = model ? model->at("onnx") : workload.at("layers");
  if (!model) network.output = layers.build(list, top);
  if (inference) {
    keep_only(network.graph, network.output, list);
    return network;
  }
  if (network.graph.parameters() == 0) {
    list.fail("no layer has parameters to train; a linear layer has, unless it is frozen");
  }
  const config::Node loss = workload.at("loss");
  try {
    read_losses(builder, layers, top, loss);
  } catch (const std::invalid_argument& error) {
    loss.fail(error.what());
  }
  // Of a model: transposes that went into their product, outputs that no loss reads.
  if (model) network.graph = graph::without_dead_ops(network.graph);
  return network;
}

}  // namespace triad::workload
