#include "sim/workload/layers/attention.hpp"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace triad::workload {
namespace {

using Integers = std::vector<std::int64_t>;

/// Scores to add where position i must not see position j > i.
TensorId causal_mask(Builder& b, std::int64_t queries, std::int64_t keys) {
  const Shape shape = {queries, keys};
  return b.constant(fmt::format("causal.{}x{}", queries, keys), shape, [shape] {
    std::vector<float> values;
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) values.push_back(j > i ? static_cast<float>(masked) : 0.0f);
    }
    return device::HostTensor::of(shape, values);
  });
}

/// Scores to add to [batch, heads, queries, keys]: 0 where the mask is 1, `masked` where it is 0. Made once per mask.
TensorId padding_mask(Builder& b, TensorId mask, std::int64_t batch, std::int64_t keys) {
  const graph::Tensor tensor = b.graph().tensor(mask);
  if (tensor.shape != Shape{batch, keys} || tensor.format != Format::fp32) {
    throw std::invalid_argument(fmt::format("the mask {} {} must be real numbers [{}, {}]: 1 is attended to, 0 is not",
                                            tensor.name, graph::to_string(tensor.shape), batch, keys));
  }
  const std::string name = tensor.name + ".penalty";
  if (const auto known = b.published(name)) return *known;
  const TensorId penalty = b.scale(name, b.offset(name + ".less", mask, -1), -masked);
  const TensorId spread = b.reshape(name + ".spread", penalty, {batch, 1, 1, keys});
  b.publish(name, spread);
  return spread;
}

/// Part `index` of [3 width, ...] rows; `count` parts at once.
struct Projections {
  Builder& b;
  const Attention& a;
  TensorId weight, bias;
  std::int64_t width;

  TensorId operator()(const std::string& name, TensorId x, std::int64_t index, std::int64_t count) const {
    const std::int64_t begin = index * width, end = (index + count) * width;
    const TensorId w = b.slice(name + ".weight", b.operand(weight), 0, begin, end);
    const TensorId c = bias == -1 ? -1 : b.slice(name + ".bias", bias, 0, begin, end);
    return b.linear(name, x, w, c);
  }
  /// [batch, positions, width] -> [batch, heads, positions, width / heads]
  TensorId heads(const std::string& name, TensorId x) const {
    const Shape& shape = b.shape(x);
    const TensorId apart = b.reshape(name + ".heads", x, {shape[0], shape[1], a.heads, width / a.heads});
    return b.transpose(name + ".transpose", apart, {0, 2, 1, 3});
  }
};

void check(const Builder& b, const Attention& a) {
  const Shape &q = b.shape(a.query), &k = b.shape(a.key), &v = b.shape(a.value);
  for (const Shape* shape : {&q, &k, &v}) {
    if (shape->size() != 3) {
      throw std::invalid_argument("attention takes [batch, positions, width], not " + graph::to_string(*shape));
    }
  }
  if (k != v || q[0] != k[0] || q[2] != k[2]) {
    throw std::invalid_argument(fmt::format("queries {}, keys {} and values {} must agree in batch and width",
                                            graph::to_string(q), graph::to_string(k), graph::to_string(v)));
  }
  if (q[2] % a.heads != 0)
    throw std::invalid_argument(fmt::format("a width of {} does not make {} heads", q[2], a.heads));
}

}  // namespace

TensorId attention(Builder& b, const Attention& a) {
  check(b, a);
  const Shape q_shape = b.shape(a.query), k_shape = b.shape(a.key);
  const std::int64_t width = q_shape[2], depth = width / a.heads;
  // Xavier's range for [3 width, width], zero biases; the output as a linear layer with zero bias: PyTorch's default.
  const std::string weight_name = a.name + ".in_proj_weight";
  const TensorId weight =
      b.parameter(weight_name, {3 * width, width}, uniform(std::sqrt(6.0 / static_cast<double>(4 * width))));
  const TensorId bias = a.bias ? b.parameter(a.name + ".in_proj_bias", {3 * width}, everywhere(0)) : -1;
  const Projections project{b, a, weight, bias, width};

  TensorId q = -1, k = -1, v = -1;
  if (a.query == a.key && a.key == a.value) {
    const TensorId all = project(a.name + ".in_proj", a.query, 0, 3);
    q = b.slice(a.name + ".q", all, 2, 0, width);
    k = b.slice(a.name + ".k", all, 2, width, 2 * width);
    v = b.slice(a.name + ".v", all, 2, 2 * width, 3 * width);
  } else {
    q = project(a.name + ".q_proj", a.query, 0, 1);
    if (a.key == a.value) {
      const TensorId both = project(a.name + ".kv_proj", a.key, 1, 2);
      k = b.slice(a.name + ".k", both, 2, 0, width);
      v = b.slice(a.name + ".v", both, 2, width, 2 * width);
    } else {
      k = project(a.name + ".k_proj", a.key, 1, 1);
      v = project(a.name + ".v_proj", a.value, 2, 1);
    }
  }
  q = project.heads(a.name + ".q", b.scale(a.name + ".q.scale", q, 1 / std::sqrt(static_cast<double>(depth))));
  k = project.heads(a.name + ".k", k);
  v = project.heads(a.name + ".v", v);
  TensorId scores = b.product(a.name + ".scores", q, k, false, true);
  if (a.causal) scores = b.add(a.name + ".causal", scores, causal_mask(b, q_shape[1], k_shape[1]));
  if (a.mask != -1) scores = b.add(a.name + ".masked", scores, padding_mask(b, a.mask, k_shape[0], k_shape[1]));
  TensorId weights = b.op(OpKind::softmax, a.name + ".softmax", {scores}, {{"axes", Integers{3}}});
  weights = dropout(b, a.name + ".dropout", weights, a.dropout);
  const TensorId context =
      b.transpose(a.name + ".context.transpose", b.product(a.name + ".context", weights, v), {0, 2, 1, 3});
  const TensorId joined = b.reshape(a.name + ".joined", context, q_shape);
  const TensorId out =
      b.parameter(a.name + ".out_proj.weight", {width, width}, uniform(1 / std::sqrt(static_cast<float>(width))));
  const TensorId out_bias = a.bias ? b.parameter(a.name + ".out_proj.bias", {width}, everywhere(0)) : -1;
  return b.linear(a.name + ".out_proj", joined, out, out_bias);
}

namespace {

Attention read_attention(const Layer& layer, const std::string& name) {
  Attention a;
  a.name = name;
  a.heads = layer.integer("heads", 1, largest_dimension);
  a.causal = layer.flag("causal", false);
  if (const auto mask = layer.node.find("mask")) a.mask = layer.find(*mask);
  a.dropout = layer.number("dropout", 0, 0.999999, 0);
  return a;
}

TensorId multi_head_attention(const Layer& layer) {
  Attention a = read_attention(layer, layer.name);
  a.bias = layer.flag("bias", true);
  a.query = layer.inputs[0];
  a.key = layer.inputs.size() > 1 ? layer.inputs[1] : a.query;
  a.value = layer.inputs.size() > 2 ? layer.inputs[2] : a.key;
  return attention(layer.builder, a);
}

/// What encoder and decoder layers have in common: attention and feed-forward parts, each added to what it reads, with
/// a normalisation before (norm_first) or after.
class TransformerLayer {
 public:
  explicit TransformerLayer(const Layer& layer) : layer_(layer), b_(layer.builder) {
    feed_forward_ = layer.integer("feed_forward", 1, largest_dimension, 2048);
    const auto activation = layer.node.find("activation");
    activation_ = activation ? activation->choice({"relu", "gelu", "gelu_tanh"}) : std::string("relu");
    norm_first_ = layer.flag("norm_first", false);
    epsilon_ = layer.number("epsilon", 0, 1, 1e-5);
    dropout_ = layer.number("dropout", 0, 0.999999, 0);
  }

  /// x + part(x), normalised by norm1, norm2, ... in turn.
  template <class Part>
  TensorId residual(TensorId x, const Part& part) {
    const std::string number = std::to_string(++parts_), norm = layer_.of("norm" + number);
    const TensorId inner = part(norm_first_ ? layer_norm(b_, norm, x, epsilon_) : x);
    const TensorId sum =
        b_.add(layer_.of("add" + number), x, workload::dropout(b_, layer_.of("dropout" + number), inner, dropout_));
    return norm_first_ ? sum : layer_norm(b_, norm, sum, epsilon_);
  }
  TensorId feed_forward(TensorId x) {
    TensorId y = workload::linear(b_, layer_.of("linear1"), x, feed_forward_);
    const std::string name = layer_.of("activation");
    if (activation_ == "relu") {
      y = b_.op(OpKind::relu, name, {y});
    } else {
      y = b_.op(OpKind::gelu, name, {y}, {{"approximate", std::string(activation_ == "gelu" ? "none" : "tanh")}});
    }
    y = workload::dropout(b_, layer_.of("dropout"), y, dropout_);
    return workload::linear(b_, layer_.of("linear2"), y, b_.shape(x).back());
  }

 private:
  const Layer& layer_;
  Builder& b_;
  std::int64_t feed_forward_;
  std::string activation_;
  bool norm_first_;
  double epsilon_, dropout_;
  int parts_ = 0;
};

TensorId encoder_layer(const Layer& layer) {
  TransformerLayer parts(layer);
  Attention self = read_attention(layer, layer.of("self_attn"));
  TensorId x = parts.residual(layer.input(), [&](TensorId y) {
    self.query = self.key = self.value = y;
    return attention(layer.builder, self);
  });
  return parts.residual(x, [&](TensorId y) { return parts.feed_forward(y); });
}

/// Reads [target, memory]; causal unless `causal: false`; `mask` is of the target, `memory_mask` of the memory.
TensorId decoder_layer(const Layer& layer) {
  TransformerLayer parts(layer);
  Attention self = read_attention(layer, layer.of("self_attn"));
  self.causal = layer.flag("causal", true);
  Attention cross = self;
  cross.name = layer.of("multihead_attn");
  cross.causal = false;
  cross.mask = -1;
  if (const auto mask = layer.node.find("memory_mask")) cross.mask = layer.find(*mask);
  TensorId x = parts.residual(layer.input(), [&](TensorId y) {
    self.query = self.key = self.value = y;
    return attention(layer.builder, self);
  });
  x = parts.residual(x, [&](TensorId y) {
    cross.query = y;
    cross.key = cross.value = layer.inputs[1];
    return attention(layer.builder, cross);
  });
  return parts.residual(x, [&](TensorId y) { return parts.feed_forward(y); });
}

}  // namespace

std::vector<LayerType> attention_layers() {
  return {
      {"multi_head_attention", "heads [causal mask bias dropout]", 1, 3, multi_head_attention},
      {"transformer_encoder_layer", "heads [feed_forward activation norm_first causal mask dropout epsilon]", 1, 1,
       encoder_layer},
      {"transformer_decoder_layer",
       "heads [feed_forward activation norm_first causal mask memory_mask dropout epsilon]", 2, 2, decoder_layer},
  };
}

}  // namespace triad::workload
