#include <cmath>

#include "sim/workload/onnx/operators.hpp"

/// Batch, instance and layer normalisation.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;
using Integers = std::vector<std::int64_t>;

/// [C] as [C, 1, 1], so that it broadcasts over what follows the channels.
TensorId per_channel(N node, const std::string& part, TensorId tensor, std::size_t rank) {
  Shape shape(rank - 1, 1);
  shape[0] = graph::elements(node.builder().shape(tensor));
  return node.builder().reshape(node.of(part), tensor, shape);
}

/// y scale + bias, a value of each per channel.
TensorId affine(N node, TensorId y, std::size_t scale, std::size_t bias) {
  Builder& b = node.builder();
  const std::size_t rank = b.shape(y).size();
  y = b.op(OpKind::multiply, node.of("scale"), {y, per_channel(node, "weight", node.tensor(scale), rank)});
  return b.add(node.of("shift"), y, per_channel(node, "bias", node.tensor(bias), rank));
}

void check_channels(N node, std::size_t first, std::size_t last) {
  const Shape shape = node.shape(0);
  if (shape.size() < 2) node.fail(graph::to_string(shape) + " must be [batch, channels, ...]");
  for (std::size_t i = first; i <= last; ++i) {
    if (node.shape(i) != Shape{shape[1]}) {
      node.fail("input " + std::to_string(i) + " must have a value for each of " + std::to_string(shape[1]) +
                " channels");
    }
  }
}

/// A running statistic: momentum r + (1 - momentum) value, kept from step to step.
void track(N node, std::size_t input, TensorId value, double momentum) {
  const ValuePtr running = node.value(input);
  if (running->constant == nullptr) node.fail("the running statistics must be stored in the model");
  Builder& b = node.builder();
  const std::shared_ptr<const Constant> initial = running->constant;
  const TensorId state = b.state(running->name, initial->shape, 0);
  b.network().given[state] = [initial] { return initial->tensor(); };
  const std::string part = input == 3 ? "mean" : "variance";
  const TensorId now = b.reshape(node.of(part + ".now"), value, initial->shape);
  const TensorId kept = b.scale(node.of(part + ".kept"), state, momentum);
  b.update(state, b.add(node.of(part + ".update"), kept, b.scale(node.of(part + ".new"), now, 1 - momentum)));
}

/// Training: normalised by the batch's statistics, which the running ones follow; as in PyTorch the variance that they
/// follow is the unbiased one, n / (n - 1) times the batch's. Training is attribute training_mode from operator set 14
/// on; before that a node with the statistics among its outputs trains. Else normalised by the running statistics,
/// which stay.
void batch_normalization(N node) {
  check_channels(node, 1, 4);
  const double epsilon = node.number("epsilon", 1e-5), momentum = node.number("momentum", 0.9);
  Builder& b = node.builder();
  const bool trains = node.opset() >= 14 ? node.integer("training_mode", 0) != 0 : node.wants(1);
  const bool training = trains && !b.inference();
  const TensorId x = node.tensor(0);
  const Shape shape = b.shape(x);
  if (!training) {
    const Constant &mean = node.constant(3, "the mean"), &variance = node.constant(4, "the variance");
    auto factor = std::make_shared<Value>(), offset = std::make_shared<Value>();
    factor->name = node.of("factor");
    offset->name = node.of("offset");
    factor->constant =
        std::make_shared<const Constant>(mapped(variance, [epsilon](double v) { return 1 / std::sqrt(v + epsilon); }));
    offset->constant = std::make_shared<const Constant>(combined(
        mean, *factor->constant, [](std::int64_t, std::int64_t) { return 0; },
        [](double m, double f) { return -m * f; }));
    const TensorId scaled = b.op(OpKind::multiply, node.of("normalize"),
                                 {x, per_channel(node, "factor", node.tensor(*factor), shape.size())});
    const TensorId y =
        b.add(node.of("centre"), scaled, per_channel(node, "offset", node.tensor(*offset), shape.size()));
    return node.deliver(affine(node, y, 1, 2));
  }
  Integers axes = {0};
  for (std::size_t axis = 2; axis < shape.size(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  const std::vector<TensorId> normalized =
      b.outputs(OpKind::normalize, node.of("normalize"), {x}, {{"axes", axes}, {"epsilon", epsilon}});
  const double n = static_cast<double>(graph::elements(shape) / shape[1]);
  if (n < 2) node.fail("one value per channel has no variance: the batch is too small to train");
  track(node, 3, normalized[1], momentum);
  track(node, 4, b.scale(node.of("variance.unbiased"), normalized[2], n / (n - 1)), momentum);
  node.deliver(affine(node, normalized[0], 1, 2));
}

void instance_normalization(N node) {
  check_channels(node, 1, 2);
  const std::size_t rank = node.rank(0);
  if (rank < 3) node.fail("must be [batch, channels, ...]");
  Integers axes;
  for (std::size_t axis = 2; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  const TensorId y = node.builder().op(OpKind::normalize, node.of("normalize"), {node.tensor(0)},
                                       {{"axes", axes}, {"epsilon", node.number("epsilon", 1e-5)}});
  node.deliver(affine(node, y, 1, 2));
}

/// Over the last axes, from `axis` on; scale and bias have their shape.
void layer_normalization(N node) {
  if (node.wants(1) || node.wants(2)) node.fail("mean and deviation as outputs are not supported");
  Builder& b = node.builder();
  const TensorId x = node.tensor(0);
  const std::size_t rank = b.shape(x).size(), first = node.axis(node.integer("axis", -1), rank);
  Integers axes;
  for (std::size_t axis = first; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  TensorId y =
      b.op(OpKind::normalize, node.of("normalize"), {x}, {{"axes", axes}, {"epsilon", node.number("epsilon", 1e-5)}});
  y = b.op(OpKind::multiply, node.of("scale"), {y, node.tensor(1)});
  if (node.has(2)) y = b.add(node.of("shift"), y, node.tensor(2));
  node.deliver(y);
}

}  // namespace

std::vector<Operator> normalization_operators() {
  return {{"BatchNormalization", 5, batch_normalization},
          {"InstanceNormalization", 3, instance_normalization},
          {"LayerNormalization", 2, layer_normalization}};
}

}  // namespace triad::workload::onnx_import
