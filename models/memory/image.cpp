#include "models/memory/image.hpp"

namespace triad::memory {

using device::HostTensor;

namespace {
void put(Contents& contents, std::uint64_t address, const HostTensor& tensor) {
  contents.write(address, tensor.bytes.data(), tensor.bytes.size());
}
}  // namespace

void place(Contents& contents, const kit::MemoryMap& map, const device::Job& job) {
  for (const auto& [id, tensor] : job.initial) put(contents, map.address(id).base, tensor);
  for (const auto& [id, batches] : job.batches) {
    for (std::size_t b = 0; b < batches.size(); ++b) put(contents, map.address(id).at(static_cast<int>(b)), batches[b]);
  }
}

void read_back(const Contents& contents, const kit::MemoryMap& map, const device::Job& job, device::RunResult& result) {
  if (!job.values) return;
  const graph::Graph& graph = job.graph;
  const auto get = [&](graph::TensorId id, int step) {
    HostTensor tensor = HostTensor::zeros(graph.tensor(id).shape, graph.tensor(id).format);
    contents.read(map.address(id).at(step), tensor.bytes.data(), tensor.bytes.size());
    return tensor;
  };
  if (graph.loss >= 0) {
    for (int step = 0; step < job.steps; ++step) {
      result.loss.push_back(static_cast<double>(get(graph.loss, step).floats().at(0)));
    }
  }
  for (graph::TensorId id = 0; id < static_cast<graph::TensorId>(graph.tensors.size()); ++id) {
    if (graph.tensor(id).role == graph::Role::parameter && graph.storage(id) == id) {
      result.weights[graph.tensor(id).name] = get(id, 0);
    }
  }
  for (const graph::TensorId id : graph.results()) result.outputs[graph.tensor(id).name] = get(id, job.steps - 1);
}

}  // namespace triad::memory
