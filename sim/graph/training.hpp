#pragma once
#include "sim/graph/graph.hpp"

namespace triad::graph {

/// What updates the parameters; PyTorch's definitions.
struct Optimizer {
  enum class Kind { sgd, adam } kind = Kind::sgd;
  double momentum = 0.0;                              ///< sgd; 0: no velocity is kept
  bool nesterov = false;                              ///< sgd
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  ///< adam
  bool decoupled = false;                             ///< adam: AdamW
  double weight_decay = 0.0;
};

/// What a training step is, beyond the forward graph.
struct Training {
  Optimizer optimizer;
  /// The gradient of the loss starts at this value and is divided out before the update (mixed precision in fp16:
  /// Micikevicius et al., "Mixed Precision Training", 2018).
  double loss_scale = 1.0;
};

/// Names of the scalar tensors that training_step adds; the job gives their values. Role::input, one value a step:
inline constexpr const char* learning_rate_name = "learning_rate";
inline constexpr const char* correction1_name = "adam.correction1";  ///< 1 - beta1^t, t = 1 at the first step
inline constexpr const char* correction2_name = "adam.correction2";  ///< 1 - beta2^t
/// Role::constant: the gradient of the loss, loss_scale.
inline constexpr const char* loss_gradient_name = "loss.grad";

/// Appends the backward phase to a forward graph with a loss: one gradient per parameter, by reverse accumulation over
/// the gradient rules of the ops, beginning with `loss_gradient` (a scalar). Returns the gradient of each parameter, in
/// the order of the tensors. Throws std::invalid_argument when an op on the path has no gradient.
std::vector<std::pair<TensorId, TensorId>> differentiate(Graph& graph, TensorId loss_gradient);

/// The whole training step: forward, backward, update. A graph-to-graph transformation; the result holds ordinary ops
/// only. Updates that the forward graph has (running statistics) stay.
Graph training_step(const Graph& forward, const Training& training);

}  // namespace triad::graph
