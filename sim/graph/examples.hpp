#pragma once
#include <optional>
#include <string>
#include <vector>

#include "sim/graph/op.hpp"

/// Small graphs of every kind of op: what `triad support` asks devices about, and what tests go through.
namespace triad::graph {

/// A graph of one op, in the phase in which a training step has it (conv2d_dgrad, also the transposed convolution, in
/// the forward phase). Its operands are inputs of the graph, its outputs the results.
struct Example {
  std::string variant;  ///< what is special: "grouped", "bf16"; empty for the plain one
  Graph graph;
  const Op& op() const { return graph.ops.front(); }
};

/// Valid examples of a kind: the plain one first, then one for every attribute or format that a device may treat in
/// another way. Int32 operands are class numbers or indices below 3, or a step number. Of `fused`: what fuse() makes.
std::vector<Example> examples(OpKind kind);

/// The ops that the gradient rule makes of an example's op, alone: what they read of the forward phase, and the
/// gradient of the op's first result, are inputs. No ops where the gradient passes as it is. Nothing when the op is not
/// differentiated (comparisons, gradients, optimizers, int8).
std::optional<Graph> backward_of(const Example& example);

}  // namespace triad::graph
