#include <algorithm>

#include "sim/graph/ops/tables.hpp"

namespace triad::graph::ops {

TensorId append(Graph& graph, OpKind kind, const std::string& name, std::vector<TensorId> inputs,
                Attributes attributes) {
  return graph.add_op(kind, graph.unique_name(name), std::move(inputs), std::move(attributes), Phase::backward)[0];
}

std::string gradient_name(const Graph& graph, TensorId id) {
  const std::string& name = graph.tensor(id).name;
  // A copy in another format is named after its source: "fc1.weight.bf16".
  for (const char* suffix : {".bf16", ".fp16"}) {
    if (name.ends_with(suffix)) return name.substr(0, name.size() - std::string(suffix).size()) + ".grad";
  }
  return name + ".grad";
}

TensorId reduce_to(Graph& graph, TensorId gradient, TensorId operand) {
  const Shape shape = graph.tensor(operand).shape, from = graph.tensor(gradient).shape;
  if (from == shape) return gradient;
  const std::size_t more = from.size() - shape.size();
  std::vector<std::int64_t> axes;
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    if (axis < more || (shape[axis - more] == 1 && from[axis] != 1)) axes.push_back(static_cast<std::int64_t>(axis));
  }
  const std::string name = gradient_name(graph, operand);
  if (!axes.empty()) gradient = append(graph, OpKind::reduce_sum, name, {gradient}, {{"axes", axes}});
  return reshaped(graph, name, gradient, shape);
}

TensorId as_format(Graph& graph, TensorId value, Format format) {
  if (graph.tensor(value).format == format) return value;
  const std::string name = numerics::to_string(format);
  return append(graph, OpKind::cast, graph.tensor(value).name + "." + name, {value}, {{"format", name}});
}

TensorId reshaped(Graph& graph, const std::string& name, TensorId value, const Shape& shape) {
  if (graph.tensor(value).shape == shape) return value;
  return append(graph, OpKind::reshape, name, {value}, {{"shape", shape}});
}

}  // namespace triad::graph::ops
