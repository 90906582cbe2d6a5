#pragma once
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/graph/formula.hpp"
#include "sim/graph/graph.hpp"

/// The ops. Each is declared in one place, its entry in a table under ops/: name, attributes, shape rule, formula, FLOP
/// count, gradient rule.
///
/// How an op is executed follows from its family (Family). Values are fp32 but for the operands of contractions, class
/// numbers and indices (int32), and quantised tensors (int8).
namespace triad::graph {

enum class OpKind {
  // Contractions. Operands of one format: fp32, bf16 or fp16 with an fp32 result, int8 with an int32 result.
  matmul,  ///< C[..., m, n] = A[..., m, k] · B[..., k, n], leading dimensions equal; flags transpose_a, transpose_b
  conv2d,  ///< (x [N, C, H, W], w [O, C/groups, R, S]) -> [N, O, P, Q]; stride [2], padding [2], dilation [2], groups
  conv2d_dgrad,  ///< (dy [N, O, P, Q], w) -> dx of attribute `shape` [N, C, H, W]; also the transposed convolution
  conv2d_wgrad,  ///< (x, dy) -> dw of attribute `shape` [O, C/groups, R, S]

  // Element-wise, NumPy broadcasting.
  add,
  subtract,
  multiply,
  divide,
  maximum,
  minimum,
  greater,  ///< 1 where a > b, else 0
  equal,    ///< 1 where a == b, else 0; fp32 or int32 operands
  where,    ///< (mask, a, b) -> a where mask != 0, else b
  scale,    ///< x * attribute `factor`
  offset,   ///< x + attribute `addend`
  absolute,
  exp,
  log,
  sqrt,
  pow,    ///< x ^ attribute `exponent`
  clamp,  ///< min(max(x, `low`), `high`)
  erf,
  relu,
  leaky_relu,  ///< x where x > 0, else `slope` * x
  gelu,        ///< x Φ(x); attribute `approximate`: "none" (erf) or "tanh"
  silu,        ///< x * sigmoid(x)
  sigmoid,
  tanh,
  dropout,     ///< (x, step) -> x / (1 - p) where uniform(seed, step, index) >= p, else 0; attributes probability, seed
  cast,        ///< to the format of attribute `format`, round to nearest even; 0 FLOPs
  quantize,    ///< (x, scale) -> int8: round(x / scale) clamped to [-127, 127]; scale broadcasts
  dequantize,  ///< (int32 or int8, scale) -> fp32 product

  // Gradients of element-wise ops: (x or y, dy) -> dx.
  absolute_grad,
  sqrt_grad,  ///< (y, dy)
  pow_grad,
  clamp_grad,
  relu_grad,  ///< (y, dy) -> dy where y > 0, else 0
  leaky_relu_grad,
  gelu_grad,
  silu_grad,
  sigmoid_grad,  ///< (y, dy)
  tanh_grad,     ///< (y, dy)

  // Over rows: attribute `axes` (sorted, from 0); attribute `keep`: reduced axes stay with extent 1.
  reduce_sum,
  reduce_mean,
  reduce_max,
  reduce_max_grad,  ///< (x, y, dy): equal shares among the largest elements of a row
  log_sum_exp,
  softmax,
  softmax_grad,  ///< (y, dy)
  log_softmax,
  log_softmax_grad,  ///< (y, dy)
  normalize,         ///< x -> ((x - mean) / sqrt(variance + epsilon), mean, variance): of batch, layer and group norm
  normalize_grad,    ///< (y, variance, dy) -> dx

  // Movement (movement.hpp).
  reshape,    ///< same elements in the same order, attribute `shape`; no data moves on any device
  transpose,  ///< attribute `permutation`: output axis i is input axis permutation[i]
  slice,      ///< attributes `begin`, `end`, `step` per axis
  concat,     ///< along attribute `axis`
  pad,        ///< attributes `before`, `after` (negative: cut), `interior` (between neighbours) per axis, `value`
  broadcast,  ///< to attribute `shape`, NumPy's rule

  // Windows over the last two axes of [N, C, H, W]: attributes kernel [2], stride [2], padding [2].
  max_pool,  ///< -> (y, argument): place of the window's first largest element in its plane (row * W + column), fp32
  max_pool_grad,      ///< (argument, dy) -> dx of attribute `shape`
  average_pool,       ///< attribute `include_padding`: divides by the window's size, else by the elements inside
  average_pool_grad,  ///< dy -> dx of attribute `shape`

  // Indexed.
  gather,       ///< (table [V, E], indices int32 [...]) -> [..., E]
  scatter_add,  ///< (dy [..., E], indices) -> [V, E], attribute `rows` = V; rows added in order of the indices

  // Losses. `mse` to `bce_with_logits`: (prediction, target) -> scalar mean; gradient (prediction, target, dloss).
  mse,
  mse_grad,
  l1,
  l1_grad,
  bce_with_logits,
  bce_with_logits_grad,
  cross_entropy,       ///< (logits [b, c], classes int32 [b]) -> [b]: -log softmax(logits)[class], 0 at `ignore_index`
  cross_entropy_grad,  ///< (logits, classes, dloss [b])

  // Optimizers, PyTorch's definitions; learning_rate is a scalar operand, `gradient_scale` multiplies the gradient
  // first.
  sgd,   ///< (p, g, learning_rate[, velocity]) -> (p'[, velocity']); momentum, nesterov, weight_decay
  adam,  ///< (p, g, learning_rate, 1 - beta1^t, 1 - beta2^t, m, v) -> (p', m', v'); beta1, beta2, epsilon,
         ///< weight_decay,
         ///< decoupled (AdamW)

  fused,  ///< several ops as one formula: Op::formula; made by passes.hpp only
};

/// How an op is executed.
enum class Family {
  contraction,  ///< matrix unit
  formula,      ///< formula_of(graph, op)
  movement,     ///< movement(graph, op)
  view,         ///< reshape: nothing to do, the output is the input's storage
  window,
  indexed,
};

/// Builds the gradient of one op: given the op and the gradients of its outputs (-1 where none flows), appends ops of
/// the backward phase to `graph` and returns the gradients of its inputs (-1 where none is needed or exists). A
/// gradient is fp32, whatever the format of its tensor. `wanted[i]` says whether input i needs one: no gradient is
/// computed for the graph's inputs.
using GradientRule = std::function<std::vector<TensorId>(
    Graph& graph, const Op& op, std::span<const TensorId> output_gradients, const std::vector<bool>& wanted)>;

struct OpDefinition {
  OpKind kind;
  std::string name;
  Family family;
  std::vector<std::string> required;  ///< attributes that must be given
  Attributes defaults;                ///< attributes that may be left out: Graph::add_op fills them in
  /// Output tensors: shape and format; Graph::add_op names them after the op (and a non-empty name here as a suffix).
  /// Throws std::invalid_argument.
  std::function<std::vector<Tensor>(std::span<const Tensor> inputs, const Attributes& attributes)> infer;
  /// What it computes; of Family::formula only.
  std::function<Formula(std::span<const Tensor> inputs, const Attributes& attributes)> formula;
  GradientRule gradient;  ///< empty when the op is not differentiated (gradients, optimizers)
};

const OpDefinition& definition(OpKind kind);
/// Every op, in the order of OpKind.
std::span<const OpDefinition> definitions();
std::string to_string(OpKind kind);
/// The family of an op; of a contraction with an epilogue: contraction.
Family family(const Op& op);
/// What an op of Family::formula computes, simplified. Operand i is the op's input i.
Formula formula_of(const Graph& graph, const Op& op);
/// Algorithmic FLOPs: a contraction counts 2 per MAC (taps in the padding count), a formula 1 per point of its space (a
/// cast 0), a window 1 per element of each window, movement 0, scatter_add 1 per element added.
std::int64_t flops(const Graph& graph, const Op& op);
/// Is this op a contraction, the work that a matrix unit does? Its MACs are flops / 2.
bool is_contraction(OpKind kind);

}  // namespace triad::graph
