#include <fmt/format.h>

#include <limits>

#include "sim/workload/layers/parts.hpp"

/// Layers that are one element-wise op, softmax and reductions.
namespace triad::workload {
namespace {

constexpr double any = 1e30;

template <OpKind kind>
TensorId plain(const Layer& layer) {
  return layer.op(kind);
}
/// Of two or more operands, from left to right.
template <OpKind kind>
TensorId chain(const Layer& layer) {
  TensorId result = layer.inputs[0];
  for (std::size_t i = 1; i < layer.inputs.size(); ++i) {
    result = layer.builder.op(kind, layer.of(graph::to_string(kind)), {result, layer.inputs[i]});
  }
  return result;
}
TensorId leaky_relu(const Layer& layer) {
  return layer.op(OpKind::leaky_relu, {{"slope", layer.number("slope", -any, any, 0.01)}});
}
TensorId gelu(const Layer& layer) {
  const auto how = layer.node.find("approximate");
  return layer.op(OpKind::gelu, {{"approximate", how ? how->choice({"none", "tanh"}) : std::string("none")}});
}
TensorId clamp(const Layer& layer) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double low = layer.number("low", -any, any, -infinity), high = layer.number("high", -any, any, infinity);
  if (low > high) layer.fail(fmt::format("low {} must not be above high {}", low, high));
  return layer.op(OpKind::clamp, {{"low", low}, {"high", high}});
}
TensorId relu6(const Layer& layer) {
  return layer.op(OpKind::clamp, {{"low", 0.0}, {"high", 6.0}});
}
TensorId power(const Layer& layer) {
  return layer.op(OpKind::pow, {{"exponent", layer.node.at("exponent").number(-any, any)}});
}
TensorId scale(const Layer& layer) {
  return layer.op(OpKind::scale, {{"factor", layer.node.at("factor").number(-any, any)}});
}
TensorId offset(const Layer& layer) {
  return layer.op(OpKind::offset, {{"addend", layer.node.at("addend").number(-any, any)}});
}
template <OpKind kind>
TensorId along_axis(const Layer& layer) {
  return layer.op(kind, {{"axes", std::vector<std::int64_t>{layer.axis("axis", -1)}}});
}
template <OpKind kind>
TensorId reduction(const Layer& layer) {
  return layer.op(kind, {{"axes", layer.axes("axes")}, {"keep", layer.flag("keep", false)}});
}

TensorId dropout_layer(const Layer& layer) {
  const auto node = layer.node.find("probability");
  const double p = node ? node->number(0, 1) : 0.5;
  if (p == 1) node->fail("must be below 1");
  const auto seed = layer.node.find("seed");
  if (!seed) return dropout(layer.builder, layer.of("dropout"), layer.input(), p);
  return dropout(layer.builder, layer.of("dropout"), layer.input(), p, seed->integer(0, 0xffffffffLL));
}

}  // namespace

std::vector<LayerType> element_wise_layers() {
  return {
      {"relu", "", 1, 1, plain<OpKind::relu>},
      {"relu6", "", 1, 1, relu6},
      {"leaky_relu", "[slope]", 1, 1, leaky_relu},
      {"gelu", "[approximate]", 1, 1, gelu},
      {"silu", "", 1, 1, plain<OpKind::silu>},
      {"sigmoid", "", 1, 1, plain<OpKind::sigmoid>},
      {"tanh", "", 1, 1, plain<OpKind::tanh>},
      {"exp", "", 1, 1, plain<OpKind::exp>},
      {"log", "", 1, 1, plain<OpKind::log>},
      {"sqrt", "", 1, 1, plain<OpKind::sqrt>},
      {"erf", "", 1, 1, plain<OpKind::erf>},
      {"absolute", "", 1, 1, plain<OpKind::absolute>},
      {"pow", "exponent", 1, 1, power},
      {"clamp", "[low high]", 1, 1, clamp},
      {"scale", "factor", 1, 1, scale},
      {"offset", "addend", 1, 1, offset},
      {"add", "", 2, any_number, chain<OpKind::add>},
      {"subtract", "", 2, 2, chain<OpKind::subtract>},
      {"multiply", "", 2, any_number, chain<OpKind::multiply>},
      {"divide", "", 2, 2, chain<OpKind::divide>},
      {"maximum", "", 2, any_number, chain<OpKind::maximum>},
      {"minimum", "", 2, any_number, chain<OpKind::minimum>},
      {"softmax", "[axis]", 1, 1, along_axis<OpKind::softmax>},
      {"log_softmax", "[axis]", 1, 1, along_axis<OpKind::log_softmax>},
      {"mean", "axes [keep]", 1, 1, reduction<OpKind::reduce_mean>},
      {"sum", "axes [keep]", 1, 1, reduction<OpKind::reduce_sum>},
      {"max", "axes [keep]", 1, 1, reduction<OpKind::reduce_max>},
      {"log_sum_exp", "axes [keep]", 1, 1, reduction<OpKind::log_sum_exp>},
      {"dropout", "[probability seed]", 1, 1, dropout_layer},
  };
}

}  // namespace triad::workload
