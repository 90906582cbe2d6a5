#pragma once
#include "sim/graph/graph.hpp"

namespace triad::graph {

/// SGD as PyTorch defines it: velocity' = momentum * velocity + gradient, parameter' = parameter - learning_rate *
/// velocity' (velocity starts at zero, no dampening).
struct Optimizer {
  double learning_rate = 0.01;
  double momentum = 0.0;  ///< 0: no velocity is kept
};

/// Appends the backward phase to a forward graph with a loss: one gradient per parameter, by reverse accumulation over
/// the gradient rules of the ops. Returns the gradient of each parameter, in the order of the tensors. Throws
/// std::invalid_argument when an op on the path has no gradient.
std::vector<std::pair<TensorId, TensorId>> differentiate(Graph& graph);

/// The whole training step: forward, backward, update. A graph-to-graph transformation; the result holds ordinary ops
/// only.
Graph training_step(const Graph& forward, const Optimizer& optimizer);

}  // namespace triad::graph
