#include "sim/graph/op.hpp"

#include <stdexcept>

#include "sim/graph/rules.hpp"

namespace triad::graph {
namespace {

using rules::Operands;

/// C[m,n] from A with m * k elements: m * k * n MACs, 2 FLOPs each.
std::int64_t contraction_flops(Operands inputs, Operands outputs) {
  return 2 * elements(inputs[0].shape) * outputs[0].shape[1];
}
std::int64_t per_output(Operands, Operands outputs) {
  std::int64_t sum = 0;
  for (const Tensor& output : outputs) sum += elements(output.shape);
  return sum;
}
std::int64_t per_input(Operands inputs, Operands) {
  return elements(inputs[0].shape);
}
std::int64_t movement(Operands, Operands) {
  return 0;
}

/// The one table of ops, in the order of OpKind.
const std::vector<OpDefinition>& table() {
  using namespace rules;
  static const std::vector<OpDefinition> ops = {
      {OpKind::matmul,
       "matmul",
       {},
       {{"transpose_a", false}, {"transpose_b", false}},
       rules::matmul,
       contraction_flops,
       matmul_gradient},
      {OpKind::add, "add", {}, {}, element_wise, per_output, add_gradient},
      {OpKind::subtract, "subtract", {}, {}, element_wise, per_output, subtract_gradient},
      {OpKind::multiply, "multiply", {}, {}, element_wise, per_output, multiply_gradient},
      {OpKind::scale, "scale", {"factor"}, {}, unary, per_output, scale_gradient},
      {OpKind::relu, "relu", {}, {}, unary, per_output, relu_gradient},
      {OpKind::relu_grad, "relu_grad", {}, {}, rules::relu_grad, per_output, {}},
      {OpKind::reduce_sum, "reduce_sum", {"keep"}, {}, rules::reduce_sum, per_input, reduce_sum_gradient},
      {OpKind::broadcast, "broadcast", {"shape"}, {}, rules::broadcast, movement, broadcast_gradient},
      {OpKind::cast, "cast", {"format"}, {}, rules::cast, movement, cast_gradient},
      {OpKind::reshape, "reshape", {"shape"}, {}, rules::reshape, movement, reshape_gradient},
      {OpKind::mse, "mse", {}, {}, rules::mse, per_input, mse_gradient},
      {OpKind::mse_grad, "mse_grad", {}, {}, rules::mse_grad, per_output, {}},
      {OpKind::cross_entropy, "cross_entropy", {}, {}, rules::cross_entropy, per_input, cross_entropy_gradient},
      {OpKind::cross_entropy_grad, "cross_entropy_grad", {}, {}, rules::cross_entropy_grad, per_output, {}},
      {OpKind::sgd, "sgd", {"learning_rate"}, {{"momentum", 0.0}}, rules::sgd, per_output, {}},
  };
  return ops;
}

}  // namespace

std::span<const OpDefinition> definitions() {
  return table();
}

const OpDefinition& definition(OpKind kind) {
  const OpDefinition& found = table().at(static_cast<std::size_t>(kind));
  if (found.kind != kind) throw std::logic_error("the table of ops is not in the order of OpKind");
  return found;
}

std::string to_string(OpKind kind) {
  return definition(kind).name;
}

std::int64_t flops(const Graph& graph, const Op& op) {
  std::vector<Tensor> inputs, outputs;
  for (const TensorId id : op.inputs) inputs.push_back(graph.tensor(id));
  for (const TensorId id : op.outputs) outputs.push_back(graph.tensor(id));
  return definition(op.kind).flops(inputs, outputs);
}

bool is_contraction(OpKind kind) {
  return kind == OpKind::matmul;
}

}  // namespace triad::graph
