#pragma once
#include <optional>

#include "sim/workload/onnx/node.hpp"

/// Functions that older operator sets spell out, found again: one op of the graph, and one gradient, for five to eight.
/// The ops that become superfluous are removed with the dead ones.
namespace triad::workload::onnx_import {

/// a / b is (x - mean(x)) / sqrt(mean((x - mean(x))²) + epsilon), as torch writes layer_norm up to operator set 16: the
/// normalized x.
std::optional<TensorId> normalization(const Node& node, TensorId a, TensorId b);

/// a · 0.5 is x · (erf(x / √2) + 1) · 0.5, as torch writes gelu: gelu of x.
std::optional<TensorId> gelu(const Node& node, TensorId a, double factor);

/// a · b is x · sigmoid(x): silu of x.
std::optional<TensorId> silu(const Node& node, TensorId a, TensorId b);

}  // namespace triad::workload::onnx_import
