#pragma once
#include <map>

#include "sim/config/node.hpp"
#include "sim/graph/graph.hpp"

/// The network of a workload file: its layers and its loss as a forward graph.
namespace triad::workload {

inline constexpr std::int64_t largest_tensor = std::int64_t{1} << 31;  ///< elements of any array of a workload

struct Network {
  graph::Graph graph;
  graph::TensorId x = -1;       ///< data, [batch, ...]
  graph::TensorId y = -1;       ///< targets: the output's shape (mse), int32 [batch] (cross_entropy)
  graph::TensorId output = -1;  ///< what the last layer makes
  /// Synthetic initial values of a parameter are uniform in [-bound, bound).
  std::map<graph::TensorId, float> initial_bounds;
};

/// Reads `input`, `layers` and `loss` of a workload. With bf16 the operands of every contraction are cast to bf16.
/// Throws config::Error naming the layer.
Network read_network(const config::Node& workload, numerics::Format precision);

}  // namespace triad::workload
