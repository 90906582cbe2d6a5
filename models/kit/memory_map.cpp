#include "models/kit/memory_map.hpp"

#include "sim/graph/op.hpp"

namespace triad::kit {

using graph::Role;
using graph::TensorId;

MemoryMap::MemoryMap(const device::Job& job) {
  const graph::Graph& graph = job.graph;
  const auto count = static_cast<TensorId>(graph.tensors.size());
  for (TensorId id = 0; id < count; ++id) storage_.push_back(graph.storage(id));
  for (const graph::Op& op : graph.ops) {
    if (op.kind == graph::OpKind::reshape) storage_[static_cast<std::size_t>(op.outputs[0])] = storage(op.inputs[0]);
  }
  const auto aligned = [](std::uint64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; };
  const auto reserve = [&](std::uint64_t bytes) {
    const std::uint64_t at = bytes_;
    bytes_ += aligned(bytes);
    return at;
  };
  addresses_.resize(graph.tensors.size());
  for (TensorId id = 0; id < count; ++id) {
    if (storage(id) != id) continue;
    StepAddress& address = addresses_[static_cast<std::size_t>(id)];
    const auto bytes = static_cast<std::uint64_t>(graph.tensor(id).bytes());
    if (id == graph.loss) {
      const auto steps = static_cast<std::uint64_t>(job.steps);
      address = {reserve(bytes * steps), bytes, steps};
    } else if (graph.tensor(id).role == Role::input) {
      const std::uint64_t batches = job.batches.at(id).size();
      address = {reserve(aligned(bytes) * batches), aligned(bytes), batches};
    } else {
      address = {reserve(bytes), 0, 1};
    }
  }
  for (TensorId id = 0; id < count; ++id) addresses_[static_cast<std::size_t>(id)] = address(storage(id));
}

}  // namespace triad::kit
