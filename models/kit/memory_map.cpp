#include "models/kit/memory_map.hpp"

namespace triad::kit {

using graph::Role;
using graph::TensorId;

MemoryMap::MemoryMap(const device::Job& job) : addresses_(job.graph.tensors.size()) {
  const graph::Graph& graph = job.graph;
  const auto reserve = [&](std::uint64_t bytes) {
    const std::uint64_t at = bytes_;
    bytes_ += (bytes + alignment - 1) / alignment * alignment;
    return at;
  };
  for (TensorId id = 0; id < static_cast<TensorId>(graph.tensors.size()); ++id) {
    if (graph.storage(id) != id) continue;  // an updated value: placed with what it replaces
    StepAddress& address = addresses_[static_cast<std::size_t>(id)];
    const auto bytes = static_cast<std::uint64_t>(graph.tensor(id).bytes());
    if (id == graph.loss) {
      address = {reserve(bytes * static_cast<std::uint64_t>(job.steps)), bytes, static_cast<std::uint64_t>(job.steps)};
    } else if (graph.tensor(id).role == Role::input) {
      const std::uint64_t batches = job.batches.at(id).size();
      const std::uint64_t stride = (bytes + alignment - 1) / alignment * alignment;
      address = {reserve(stride * batches), stride, batches};
    } else {
      address = {reserve(bytes), 0, 1};
    }
  }
  for (TensorId id = 0; id < static_cast<TensorId>(graph.tensors.size()); ++id) {
    if (graph.storage(id) != id) addresses_[static_cast<std::size_t>(id)] = address(graph.storage(id));
  }
}

}  // namespace triad::kit
