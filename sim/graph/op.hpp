#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sim/graph/graph.hpp"

/// The ops. Each is declared in one place, its entry in op.cpp: name, attributes, shape rule, FLOP count, gradient
/// rule.
namespace triad::graph {

enum class OpKind {
  matmul,         ///< C[m,n] = A[m,k] · B[k,n]; flags transpose_a (A is [k,m]), transpose_b (B is [n,k]); operands of
                  ///< one format (fp32, bf16, fp16), C is fp32
  add,            ///< element-wise a + b; b broadcasts to a's shape ([n] over rows, scalar)
  subtract,       ///< element-wise a - b, b broadcasts
  multiply,       ///< element-wise a * b, b broadcasts
  scale,          ///< element-wise x * attribute `factor`
  relu,           ///< max(x, 0)
  relu_grad,      ///< (y, dy) -> dy where y > 0, else 0
  reduce_sum,     ///< sum over the leading dimensions: [m, n] -> [n] (attribute `keep`: trailing dimensions kept)
  broadcast,      ///< repeats over new leading dimensions to attribute `shape`, whose end is the input's shape; 0 FLOPs
  cast,           ///< to the format of attribute `format` ("bf16", "fp32"); rounds to nearest even; 0 FLOPs
  reshape,        ///< same elements in the same order, attribute `shape`; 0 FLOPs, no data moves on any device
  mse,            ///< (prediction, target) -> scalar mean of squared differences
  mse_grad,       ///< (prediction, target) -> 2 (prediction - target) / elements
  cross_entropy,  ///< (logits [b, c], classes int32 [b]) -> scalar mean of -log softmax(logits)[class]
  cross_entropy_grad,  ///< (logits, classes) -> (softmax(logits) - one_hot(classes)) / b
  sgd,  ///< (parameter, gradient[, velocity]) -> (parameter'[, velocity']); attributes learning_rate, momentum
        ///< velocity' = momentum * velocity + gradient; parameter' = parameter - learning_rate * velocity'
};

/// Builds the gradient of one op: given the op and the gradients of its outputs (-1 where none flows; at the loss,
/// whose gradient is 1, too), appends ops of the backward phase to `graph` and returns the gradients of its inputs (-1
/// where none is needed or exists). A gradient is fp32, whatever the format of its tensor. `wanted[i]` says whether
/// input i needs one: no gradient is computed for the graph's inputs.
using GradientRule = std::function<std::vector<TensorId>(
    Graph& graph, const Op& op, std::span<const TensorId> output_gradients, const std::vector<bool>& wanted)>;

struct OpDefinition {
  OpKind kind;
  std::string name;
  std::vector<std::string> required;  ///< attributes that must be given
  Attributes defaults;                ///< attributes that may be left out: Graph::add_op fills them in
  /// Output tensors: shape and format; Graph::add_op names them after the op (and a non-empty name here as a suffix).
  /// Throws std::invalid_argument.
  std::function<std::vector<Tensor>(std::span<const Tensor> inputs, const Attributes& attributes)> infer;
  /// Algorithmic FLOPs: a contraction counts 2 per MAC, other arithmetic 1 per element (of the output; of the input for
  /// a reduction or loss), movement 0.
  std::function<std::int64_t(std::span<const Tensor> inputs, std::span<const Tensor> outputs)> flops;
  GradientRule gradient;  ///< empty when the op is not differentiated (gradients, optimizers)
};

const OpDefinition& definition(OpKind kind);
/// Every op, in the order of OpKind.
std::span<const OpDefinition> definitions();
std::string to_string(OpKind kind);
std::int64_t flops(const Graph& graph, const Op& op);
/// Is this op a contraction, the work that a matrix unit does? Its MACs are flops / 2.
bool is_contraction(OpKind kind);

}  // namespace triad::graph
