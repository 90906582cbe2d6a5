#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/graph/op.hpp"

/// Graph-to-graph passes that every lowering shares. Tensor ids stay valid: a pass removes or replaces ops, never
/// tensors.
namespace triad::graph {

/// Removes ops of which neither the loss, an update nor (in a graph without loss) a result depends.
Graph without_dead_ops(const Graph& graph);

/// What a device can run as one op.
struct Fusion {
  bool formulas = true;    ///< formula ops over the same space and rows become one `fused` op
  bool epilogues = false;  ///< element-wise formulas that read a contraction's result become its epilogue
  int most_operands = 8;   ///< of a fused op, the contraction's own two not counted
  int most_results = 8;    ///< of a fused op
  int most_terms = 64;
  /// An element-wise op joins an op with row reductions only if that has at least so many rows: a device that spreads
  /// work by rows would lose parallelism. 0: always.
  std::int64_t least_rows = 0;
};

/// Fuses formula ops that read one another's results, or the same large operand, into one op; what only members read is
/// made no more. Values do not change: a fused formula computes the members' fp32 operations, in the members' order.
/// - Members lie in one phase, so nothing is kept for, or computed again in, another phase.
/// - They cover the same points: equal spaces, extents of 1 set aside, and equal reduced axes where they reduce. An
///   element-wise op fits any rows; one over the rows alone (a mean and what is made of it) joins as values per row.
/// - A broadcast of fp32 values joins its readers, which repeat its operand.
/// - A value is read as it was made, point by point or repeated along its row; a value in another format than fp32 was
///   rounded when it was stored, so its readers stay outside.
/// - Ops that make updates of parameters (Phase::update) stay alone.
/// - A contraction takes at most one epilogue: element-wise, over its result, in its phase.
/// - Order stays possible: members are executed where the first or the last of them stood.
Graph fuse(const Graph& graph, const Fusion& fusion);

/// The tensor in whose storage each tensor lies: itself; of a view that of its input; of an updated value the
/// persistent tensor that it replaces. Throws std::logic_error when an op reads the old value after the new one is
/// made, or a value replaces two.
std::vector<TensorId> storages(const Graph& graph);

/// Where tensors live in one address space, by liveness: tensors that are never alive together share bytes. Reuse is
/// safe for devices that order accesses by address, or run ops one after the other.
struct MemoryPlan {
  std::vector<std::int64_t> offset;   ///< by tensor; -1: not stored (nothing makes it). Views have their source's
  std::int64_t persistent_bytes = 0;  ///< parameters, states, constants, inputs: they lie in front, in order
  std::int64_t peak_bytes = 0;        ///< persistent_bytes and the activations, as placed
  /// The largest sum of what is alive at once, with persistent_bytes: no plan needs less.
  std::int64_t least_bytes = 0;
};

/// Places activations behind what persists: largest first, each into the smallest gap that fits between the tensors
/// already placed that are alive with it (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
/// Inference", 2020). An activation is alive from the op that makes it to its last reader; the loss, and results of a
/// graph without loss, to the end.
MemoryPlan plan_memory(const Graph& graph, std::int64_t alignment = 256);

/// Activation recomputation: activations of the forward phase that the backward phase reads are computed again there,
/// from what is kept: what persists, the results of contractions, and all that is made after the last contraction,
/// which is read at once (PyTorch's selective checkpointing). The ops added are of the backward phase, are named
/// "fc1.relu.recomputed" and have no FLOPs: algorithmic FLOPs stay those of the graph.
Graph recompute(const Graph& graph);

}  // namespace triad::graph
