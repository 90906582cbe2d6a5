#include <fmt/format.h>

#include <cmath>

#include "sim/workload/layers/layer.hpp"

/// linear, embedding, gather, position_embedding, positional_encoding, parameter, constant.
namespace triad::workload {
namespace {

/// The weight of another layer (`share: embedding`), or -1. Tied weights: Press and Wolf, "Using the Output Embedding
/// to Improve Language Models", 2017.
TensorId shared_weight(const Layer& layer, const Shape& shape) {
  const auto share = layer.node.find("share");
  if (!share) return -1;
  const std::string wanted = share->text() + ".weight";
  for (const auto& [id, initial] : layer.builder.network().initial) {
    const graph::Tensor& tensor = layer.builder.graph().tensor(id);
    if (tensor.name != wanted) continue;
    if (tensor.shape != shape) {
      share->fail(fmt::format("{} is {}, but layer '{}' needs {}", wanted, graph::to_string(tensor.shape), layer.name,
                              graph::to_string(shape)));
    }
    return id;
  }
  share->fail(fmt::format("no layer before this has a parameter {}; share takes a layer's full name", wanted));
}

/// The bound of an initial value where `bound` gives none.
Initial drawn(const Layer& layer, double otherwise) {
  return uniform(layer.number("bound", 0, 1e6, otherwise));
}

/// y = x Wᵀ + b over the last axis; weight [out, in], bias [out]. Both are drawn from ±1/sqrt(in), PyTorch's default.
TensorId linear(const Layer& layer) {
  if (layer.rank() < 2) layer.fail("linear takes [batch, ..., features]");
  const std::int64_t in = layer.shape().back();
  if (const auto stated = layer.node.find("in_features"); stated && stated->integer(1, largest_dimension) != in) {
    stated->fail(
        fmt::format("layer '{}': its input {} has {} features", layer.name, graph::to_string(layer.shape()), in));
  }
  const std::int64_t out = layer.integer("out_features", 1, largest_dimension);
  const Initial initial = drawn(layer, 1 / std::sqrt(static_cast<float>(in)));
  TensorId weight = shared_weight(layer, {out, in});
  if (weight == -1) weight = layer.builder.parameter(layer.of("weight"), {out, in}, initial);
  const TensorId bias = layer.flag("bias", true) ? layer.builder.parameter(layer.of("bias"), {out}, initial) : -1;
  return layer.builder.linear(layer.name, layer.input(), weight, bias);
}

/// Rows of a table [classes, width] by number. Uniform with variance 1 (PyTorch: normal with variance 1).
TensorId embedding(const Layer& layer) {
  const graph::Tensor& numbers = layer.builder.graph().tensor(layer.input());
  if (numbers.format != Format::int32) {
    layer.fail(fmt::format("embedding takes whole numbers, an input with classes; {} {} holds real ones", numbers.name,
                           graph::to_string(numbers.shape)));
  }
  const Shape table = {layer.integer("classes", 1, largest_dimension), layer.integer("width", 1, largest_dimension)};
  for (const Feed& feed : layer.builder.network().inputs) {
    if (feed.tensor == layer.input() && feed.classes > table[0]) {
      layer.node.at("classes").fail(
          fmt::format("layer '{}': the input {} has {} classes", layer.name, feed.name, feed.classes));
    }
  }
  const Initial initial = drawn(layer, std::sqrt(3.0));
  TensorId weight = shared_weight(layer, table);
  if (weight == -1) weight = layer.builder.parameter(layer.of("weight"), table, initial);
  return layer.builder.op(OpKind::gather, layer.of("gather"), {weight, layer.input()});
}

/// The first positions of [batch, positions, width], or an error.
const Shape& sequence(const Layer& layer) {
  if (layer.rank() != 3) layer.fail("takes [batch, positions, width], not " + graph::to_string(layer.shape()));
  return layer.shape();
}

/// x + weight[position]: learnt positions, weight [length, width].
TensorId position_embedding(const Layer& layer) {
  const Shape shape = sequence(layer);
  const std::int64_t length = layer.integer("length", shape[1], largest_dimension, shape[1]);
  const TensorId weight = layer.builder.parameter(layer.of("weight"), {length, shape[2]}, drawn(layer, std::sqrt(3.0)));
  const TensorId rows = layer.builder.slice(layer.of("slice"), weight, 0, 0, shape[1]);
  return layer.builder.add(layer.of("add"), layer.input(), rows);
}

/// x + sines: sin(position / 10000^(2i/width)) at 2i, the cosine at 2i + 1; Vaswani et al., "Attention Is All You
/// Need", 2017.
TensorId positional_encoding(const Layer& layer) {
  const Shape shape = sequence(layer);
  const Shape table = {shape[1], shape[2]};
  const auto make = [table] {
    std::vector<float> values;
    for (std::int64_t position = 0; position < table[0]; ++position) {
      for (std::int64_t i = 0; i < table[1]; ++i) {
        const double exponent = static_cast<double>(i / 2 * 2) / static_cast<double>(table[1]);
        const double angle = static_cast<double>(position) / std::pow(10000.0, exponent);
        values.push_back(static_cast<float>(i % 2 == 0 ? std::sin(angle) : std::cos(angle)));
      }
    }
    return device::HostTensor::of(table, values);
  };
  const TensorId sines = layer.builder.constant(fmt::format("positions.{}x{}", table[0], table[1]), table, make);
  return layer.builder.add(layer.of("add"), layer.input(), sines);
}

/// A trained tensor of its own (a class token). Uniform in ±bound, or `value` everywhere.
TensorId parameter(const Layer& layer) {
  const Shape shape = layer.list("shape", 1, largest_dimension);
  const auto value = layer.node.find("value");
  const Initial initial = value ? everywhere(value->number(-1e30, 1e30)) : drawn(layer, 1);
  return layer.builder.parameter(layer.name, shape, initial);
}

/// Rows of the first input, [rows, width] (or more axes, of which the last is the width), by the numbers of the second.
TensorId gather(const Layer& layer) {
  const graph::Tensor& numbers = layer.builder.graph().tensor(layer.inputs[1]);
  if (numbers.format != Format::int32) {
    layer.fail(fmt::format("gather takes whole numbers second, an input with classes; {} {} holds real ones",
                           numbers.name, graph::to_string(numbers.shape)));
  }
  if (layer.rank() < 2) layer.fail("gather takes [rows, width] first, not " + graph::to_string(layer.shape()));
  const std::int64_t width = layer.shape().back(), rows = graph::elements(layer.shape()) / width;
  for (const Feed& feed : layer.builder.network().inputs) {
    if (feed.tensor == layer.inputs[1] && feed.classes > rows) {
      layer.fail(
          fmt::format("the input {} has numbers to {}, but there are {} rows", feed.name, feed.classes - 1, rows));
    }
  }
  const TensorId table = layer.builder.reshape(layer.of("rows"), layer.input(), {rows, width});
  return layer.builder.op(OpKind::gather, layer.of("gather"), {table, layer.inputs[1]});
}

/// A tensor that holds `value` everywhere and is not trained.
TensorId constant(const Layer& layer) {
  return layer.builder.constant(layer.name, layer.list("shape", 1, largest_dimension),
                                layer.node.at("value").number(-1e30, 1e30));
}

}  // namespace

std::vector<LayerType> dense_layers() {
  return {
      {"linear", "out_features [in_features bias share bound]", 1, 1, linear},
      {"embedding", "classes width [share bound]", 1, 1, embedding},
      {"gather", "", 2, 2, gather},
      {"position_embedding", "[length bound]", 1, 1, position_embedding},
      {"positional_encoding", "", 1, 1, positional_encoding},
      {"parameter", "shape [bound value]", 0, 1, parameter},
      {"constant", "shape value", 0, 1, constant},
  };
}

}  // namespace triad::workload
