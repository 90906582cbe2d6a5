#include <fmt/format.h>

#include "sim/workload/layers/layer.hpp"

/// batch_norm, layer_norm, group_norm. Weights begin at 1, biases at 0.
namespace triad::workload {
namespace {

double epsilon(const Layer& layer) {
  return layer.number("epsilon", 0, 1, 1e-5);
}

/// y * weight + bias, both of this shape, read as `as` (which broadcasts).
TensorId affine(const Layer& layer, TensorId y, const Shape& shape, const Shape& as) {
  if (!layer.flag("affine", true)) return y;
  Builder& b = layer.builder;
  const TensorId weight = b.parameter(layer.of("weight"), shape, everywhere(1));
  const TensorId bias = b.parameter(layer.of("bias"), shape, everywhere(0));
  y = b.op(OpKind::multiply, layer.of("multiply"), {y, b.reshape(layer.of("weight.spread"), weight, as)});
  return b.add(layer.of("add"), y, b.reshape(layer.of("bias.spread"), bias, as));
}

/// [channels, 1, 1, ...]: broadcasts over [batch, channels, ...].
Shape by_channel(const Layer& layer) {
  Shape shape(layer.rank() - 1, 1);
  shape[0] = layer.shape()[1];
  return shape;
}

/// (x - mean) / sqrt(variance + epsilon) with the statistics that training left.
TensorId by_running_statistics(const Layer& layer, double epsilon) {
  Builder& b = layer.builder;
  const Shape channels = {layer.shape()[1]};
  const TensorId mean = b.constant(layer.of("running_mean"), channels, 0.0);
  const TensorId variance = b.constant(layer.of("running_var"), channels, 1.0);
  const TensorId deviation =
      b.op(OpKind::sqrt, layer.of("deviation"), {b.offset(layer.of("variance.epsilon"), variance, epsilon)});
  const TensorId centred = b.op(OpKind::subtract, layer.of("centred"),
                                {layer.input(), b.reshape(layer.of("mean.spread"), mean, by_channel(layer))});
  const TensorId y = b.op(OpKind::divide, layer.of("normalized"),
                          {centred, b.reshape(layer.of("deviation.spread"), deviation, by_channel(layer))});
  return affine(layer, y, channels, by_channel(layer));
}

/// Over the batch and all positions of a channel. Running statistics as PyTorch keeps them: running = (1 - momentum)
/// running + momentum batch, the variance with n - 1 in the denominator.
TensorId batch_norm(const Layer& layer) {
  if (layer.rank() < 2) layer.fail("batch_norm takes [batch, channels, ...]");
  Builder& b = layer.builder;
  const std::int64_t channels = layer.shape()[1], each = graph::elements(layer.shape()) / channels;
  const double momentum = layer.number("momentum", 0, 1, 0.1), small = epsilon(layer);
  const bool track = layer.flag("track", true);
  if (b.inference() && track) return by_running_statistics(layer, small);
  if (each == 1) layer.fail("one value per channel has no variance");
  std::vector<std::int64_t> axes = {0};
  for (std::size_t axis = 2; axis < layer.rank(); ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  const std::vector<TensorId> made =
      b.outputs(OpKind::normalize, layer.of("normalize"), {layer.input()}, {{"axes", axes}, {"epsilon", small}});
  const auto follow = [&](const char* statistic, TensorId batch, double start, double correction) {
    const std::string name = layer.of(statistic);
    const TensorId running = b.state(name, {channels}, start);
    const TensorId fresh =
        b.scale(name + ".fresh", b.reshape(name + ".batch", batch, {channels}), momentum * correction);
    b.update(running, b.add(name + ".update", b.scale(name + ".kept", running, 1 - momentum), fresh));
  };
  if (track) {
    follow("running_mean", made[1], 0, 1);
    follow("running_var", made[2], 1, static_cast<double>(each) / static_cast<double>(each - 1));
  }
  return affine(layer, made[0], {channels}, by_channel(layer));
}

/// Over the last `axes` axes.
TensorId layer_norm(const Layer& layer) {
  const auto rank = static_cast<std::int64_t>(layer.rank());
  const std::int64_t count = layer.integer("axes", 1, rank, 1);
  std::vector<std::int64_t> axes;
  for (std::int64_t axis = rank - count; axis < rank; ++axis) axes.push_back(axis);
  const Shape shape(layer.shape().end() - count, layer.shape().end());
  const TensorId y = layer.builder.op(OpKind::normalize, layer.of("normalize"), {layer.input()},
                                      {{"axes", axes}, {"epsilon", epsilon(layer)}});
  return affine(layer, y, shape, shape);
}

/// Over the channels of a group and all positions.
TensorId group_norm(const Layer& layer) {
  if (layer.rank() < 2) layer.fail("group_norm takes [batch, channels, ...]");
  const Shape shape = layer.shape();
  const std::int64_t groups = layer.integer("groups", 1, largest_dimension);
  if (shape[1] % groups != 0) layer.fail(fmt::format("{} channels do not make {} groups", shape[1], groups));
  Builder& b = layer.builder;
  const TensorId rows =
      b.reshape(layer.of("groups"), layer.input(), {shape[0], groups, graph::elements(shape) / shape[0] / groups});
  const TensorId y = b.op(OpKind::normalize, layer.of("normalize"), {rows},
                          {{"axes", std::vector<std::int64_t>{2}}, {"epsilon", epsilon(layer)}});
  return affine(layer, b.reshape(layer.of("channels"), y, shape), {shape[1]}, by_channel(layer));
}

}  // namespace

std::vector<LayerType> normalization_layers() {
  return {
      {"batch_norm", "[epsilon momentum affine track]", 1, 1, batch_norm},
      {"layer_norm", "[axes epsilon affine]", 1, 1, layer_norm},
      {"group_norm", "groups [epsilon affine]", 1, 1, group_norm},
  };
}

}  // namespace triad::workload
