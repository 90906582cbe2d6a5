#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/graph/op.hpp"

/// Graph-to-graph passes that every lowering shares. Tensor ids stay valid: a pass removes or replaces ops, never
/// tensors.
namespace triad::graph {

/// Removes ops of which neither the loss, an update nor (in a graph without loss) an unread result depends.
Graph without_dead_ops(const Graph& graph);

/// What a device can run as one op.
struct Fusion {
  bool formulas = true;    ///< chains of formula ops over the same space and rows become one `fused` op
  bool epilogues = false;  ///< element-wise formulas that read a contraction's result become its epilogue
  int most_operands = 8;   ///< of a fused op
  int most_terms = 64;
};
/// Fuses. A tensor that only members read is made no more.
Graph fuse(const Graph& graph, const Fusion& fusion);

/// Where tensors live in one address space, by liveness: tensors that are never alive together share bytes.
struct MemoryPlan {
  std::vector<std::int64_t> offset;   ///< by tensor; -1: not stored (dead, or a view of another)
  std::int64_t persistent_bytes = 0;  ///< parameters, states, constants, inputs
  std::int64_t peak_bytes = 0;        ///< persistent and the largest sum of live activations, as placed
};
MemoryPlan plan_memory(const Graph& graph, std::int64_t alignment = 256);

/// Activation recomputation: activations of the forward phase that the backward phase reads are computed again there,
/// except those of contractions (`keep_contractions`); PyTorch's selective checkpointing.
Graph recompute(const Graph& graph, bool keep_contractions = true);

}  // namespace triad::graph
