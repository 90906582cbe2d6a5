#include <algorithm>
#include <limits>

#include "sim/graph/passes.hpp"

namespace triad::graph {
namespace {

/// A storage that activations live in.
struct Life {
  TensorId id = -1;
  std::size_t first = 0, last = 0;  ///< the ops that make it and read it last
  std::int64_t bytes = 0;           ///< aligned
  std::int64_t offset = 0;
};

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

/// The storages of activations, by id.
std::vector<Life> lives(const Graph& graph, const std::vector<TensorId>& storage, std::int64_t alignment) {
  std::vector<Life> by_tensor(graph.tensors.size());
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    for (const TensorId output : graph.ops[i].outputs) {
      const TensorId id = storage[at(output)];
      if (graph.tensor(id).role != Role::activation) continue;
      Life& life = by_tensor[at(id)];
      if (life.id == -1) life = {id, i, i, (graph.tensor(id).bytes() + alignment - 1) / alignment * alignment, 0};
      life.last = i;
    }
    for (const TensorId input : graph.ops[i].inputs) {
      Life& life = by_tensor[at(storage[at(input)])];
      if (life.id != -1 && family(graph.ops[i]) != Family::view) life.last = i;
    }
  }
  std::vector<TensorId> kept = graph.results();
  if (graph.loss >= 0) kept.push_back(graph.loss);
  for (const TensorId id : kept) by_tensor[at(storage[at(id)])].last = graph.ops.size();
  std::erase_if(by_tensor, [](const Life& life) { return life.id == -1; });
  return by_tensor;
}

/// Gives each its offset, from 0 on; returns where the last one ends.
std::int64_t place(std::vector<Life>& all) {
  std::vector<Life*> order;
  for (Life& life : all) order.push_back(&life);
  std::ranges::stable_sort(order, [](const Life* a, const Life* b) { return a->bytes > b->bytes; });
  std::vector<const Life*> placed;  // by offset
  std::int64_t end = 0;
  for (Life* life : order) {
    std::int64_t best = -1, best_gap = std::numeric_limits<std::int64_t>::max(), free_from = 0;
    for (const Life* other : placed) {
      if (other->last < life->first || life->last < other->first) continue;
      const std::int64_t gap = other->offset - free_from;
      if (gap >= life->bytes && gap < best_gap) {
        best = free_from;
        best_gap = gap;
      }
      free_from = std::max(free_from, other->offset + other->bytes);
    }
    life->offset = best == -1 ? free_from : best;
    end = std::max(end, life->offset + life->bytes);
    placed.insert(std::ranges::upper_bound(placed, life->offset, {}, &Life::offset), life);
  }
  return end;
}

/// The largest sum of bytes alive at one op.
std::int64_t largest_sum(const std::vector<Life>& all, std::size_t ops) {
  std::vector<std::int64_t> change(ops + 2, 0);
  for (const Life& life : all) {
    change[life.first] += life.bytes;
    change[life.last + 1] -= life.bytes;
  }
  std::int64_t sum = 0, largest = 0;
  for (const std::int64_t bytes : change) largest = std::max(largest, sum += bytes);
  return largest;
}

}  // namespace

MemoryPlan plan_memory(const Graph& graph, std::int64_t alignment) {
  const std::vector<TensorId> storage = storages(graph);
  MemoryPlan plan;
  plan.offset.assign(graph.tensors.size(), -1);
  for (std::size_t id = 0; id < graph.tensors.size(); ++id) {
    const Tensor& tensor = graph.tensors[id];
    if (tensor.role == Role::activation) continue;
    plan.offset[id] = plan.persistent_bytes;
    plan.persistent_bytes += (tensor.bytes() + alignment - 1) / alignment * alignment;
  }
  std::vector<Life> all = lives(graph, storage, alignment);
  plan.peak_bytes = plan.persistent_bytes + place(all);
  plan.least_bytes = plan.persistent_bytes + largest_sum(all, graph.ops.size());
  for (const Life& life : all) plan.offset[at(life.id)] = plan.persistent_bytes + life.offset;
  for (std::size_t id = 0; id < storage.size(); ++id) plan.offset[id] = plan.offset[at(storage[id])];
  return plan;
}

}  // namespace triad::graph
