#include "sim/workload/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "sim/graph/op.hpp"

namespace triad::workload {
namespace {

using graph::OpKind;
using graph::Role;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

constexpr std::int64_t largest_dimension = 1 << 24;

Shape read_shape(const config::Node& node) {
  Shape shape;
  std::int64_t size = 1;
  for (const config::Node& item : node.items()) {
    shape.push_back(item.integer(1, largest_dimension));
    size *= shape.back();
    if (size > largest_tensor) item.fail(fmt::format("more than {} elements", largest_tensor));
  }
  if (shape.size() < 2) {
    node.fail(
        fmt::format("{} is not the shape of a batch; must be [batch, features] or more", graph::to_string(shape)));
  }
  return shape;
}

/// Builds the forward graph layer by layer; `current_` is the tensor that the next layer reads.
class Builder {
 public:
  Builder(Network& network, Format precision) : network_(network), precision_(precision), current_(network.x) {}

  void add(const config::Node& node, std::size_t index) {
    const std::string type = node.at("type").choice({"linear", "relu", "flatten"});
    const std::string name = layer_name(node, index);
    try {
      if (type == "linear") linear(node, name);
      if (type == "relu") current_ = graph().add_op(OpKind::relu, name + ".relu", {current_})[0];
      if (type == "flatten") flatten(name);
    } catch (const std::invalid_argument& error) {
      node.fail(fmt::format("layer '{}': {}", name, error.what()));
    }
  }
  TensorId current() const { return current_; }

 private:
  graph::Graph& graph() { return network_.graph; }

  /// The name given, or the layer's place in the list as PyTorch's Sequential numbers it.
  std::string layer_name(const config::Node& node, std::size_t index) {
    const auto given = node.find("name");
    const std::string name = given ? given->text() : std::to_string(index);
    const config::Node& place = given ? *given : node;
    const bool plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
             c == '.';
    });
    if (name.empty() || !plain) place.fail("a layer's name is made of letters, digits, '_', '-' and '.'");
    if (!names_.insert(name).second) place.fail(fmt::format("two layers have the name '{}'", name));
    return name;
  }

  /// y = x Wᵀ + b, as PyTorch's Linear; weight [out, in], bias [out].
  void linear(const config::Node& node, const std::string& name) {
    const Shape& input = graph().tensor(current_).shape;
    if (input.size() != 2) {
      node.fail(fmt::format("layer '{}': linear takes [batch, features], not {}; put a flatten layer before it", name,
                            graph::to_string(input)));
    }
    const std::int64_t in = input[1];
    if (const auto stated = node.find("in_features"); stated && stated->integer(1, largest_dimension) != in) {
      stated->fail(fmt::format("layer '{}': its input {} has {} features", name, graph::to_string(input), in));
    }
    const config::Node out_features = node.at("out_features");
    const std::int64_t out = out_features.integer(1, largest_dimension);
    if (std::max(in, input[0]) * out > largest_tensor) {
      out_features.fail(
          fmt::format("layer '{}': a weight or an output of more than {} elements", name, largest_tensor));
    }
    const auto has_bias = node.find("bias");
    const float bound = 1.0f / std::sqrt(static_cast<float>(in));
    const TensorId weight = parameter(name + ".weight", {out, in}, bound);
    current_ = graph().add_op(OpKind::matmul, name + ".matmul", {operand(current_), operand(weight)},
                              {{"transpose_b", true}})[0];
    if (has_bias && !has_bias->boolean()) return;
    const TensorId bias = parameter(name + ".bias", {out}, bound);
    current_ = graph().add_op(OpKind::add, name + ".add", {current_, bias})[0];
  }

  void flatten(const std::string& name) {
    const Shape& input = graph().tensor(current_).shape;
    if (input.size() == 2) return;
    const Shape shape = {input[0], graph::elements(input) / input[0]};
    current_ = graph().add_op(OpKind::reshape, name + ".flatten", {current_}, {{"shape", shape}})[0];
  }

  /// PyTorch's default of Linear draws weight and bias from the same range, 1 / sqrt(in_features) on either side.
  TensorId parameter(const std::string& name, Shape shape, float bound) {
    const TensorId id = graph().add_tensor({name, std::move(shape), Format::fp32, Role::parameter});
    network_.initial_bounds[id] = bound;
    return id;
  }

  /// The operand of a contraction, in the precision of the workload. Parameters stay fp32.
  TensorId operand(TensorId id) {
    if (precision_ == Format::fp32) return id;
    const std::string format = numerics::to_string(precision_);
    return graph().add_op(OpKind::cast, graph().tensor(id).name + "." + format, {id}, {{"format", format}})[0];
  }

  Network& network_;
  Format precision_;
  TensorId current_;
  std::set<std::string> names_;
};

}  // namespace

Network read_network(const config::Node& workload, Format precision) {
  Network network;
  const Shape input = read_shape(workload.at("input").at("shape"));
  network.x = network.graph.add_tensor({"x", input, Format::fp32, Role::input});

  const config::Node list = workload.at("layers");
  Builder builder(network, precision);
  const std::vector<config::Node> layers = list.items();
  for (std::size_t i = 0; i < layers.size(); ++i) builder.add(layers[i], i);
  if (network.initial_bounds.empty()) list.fail("no layer has parameters to train; a linear layer has");
  network.output = builder.current();

  const config::Node loss = workload.at("loss");
  const std::string kind = loss.choice({"mse", "cross_entropy"});
  const Shape output = network.graph.tensor(network.output).shape;
  if (kind == "cross_entropy" && output.size() != 2) {
    loss.fail(
        fmt::format("cross_entropy takes [batch, classes], but the last layer makes {}", graph::to_string(output)));
  }
  const bool classes = kind == "cross_entropy";
  network.y = network.graph.add_tensor(
      {"y", classes ? Shape{output[0]} : output, classes ? Format::int32 : Format::fp32, Role::input});
  network.graph.loss =
      network.graph.add_op(classes ? OpKind::cross_entropy : OpKind::mse, "loss", {network.output, network.y})[0];
  return network;
}

}  // namespace triad::workload
