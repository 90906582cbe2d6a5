#include "models/kit/memory_map.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/device/device.hpp"
#include "sim/graph/passes.hpp"

namespace triad::kit {

using graph::Role;
using graph::TensorId;

namespace {

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + MemoryMap::alignment - 1) / MemoryMap::alignment * MemoryMap::alignment;
}

}  // namespace

MemoryMap::MemoryMap(const device::Job& job, const graph::Graph& lowered)
    : storage_(graph::storages(lowered)), addresses_(lowered.tensors.size()) {
  for (const graph::Tensor& tensor : lowered.tensors) names_.push_back(tensor.name);
  placed_.assign(names_.size(), false);
  const auto reserve = [&](std::uint64_t bytes) {
    const std::uint64_t begin = bytes_;
    bytes_ += aligned(bytes);
    return begin;
  };
  const auto place = [&](TensorId id, const StepAddress& address) {
    addresses_[at(id)] = address;
    placed_[at(id)] = true;
  };
  const auto count = static_cast<TensorId>(names_.size());
  for (TensorId id = 0; id < count; ++id) {
    const graph::Tensor& tensor = lowered.tensor(id);
    if (tensor.role == Role::activation || tensor.role == Role::input) continue;
    place(id, {reserve(static_cast<std::uint64_t>(tensor.bytes())), 0, 1});
  }
  const graph::MemoryPlan plan = graph::plan_memory(lowered, alignment);
  const std::uint64_t activations = reserve(static_cast<std::uint64_t>(plan.peak_bytes - plan.persistent_bytes));
  for (TensorId id = 0; id < count; ++id) {
    if (storage_[at(id)] != id || lowered.tensor(id).role != Role::activation || plan.offset[at(id)] < 0) continue;
    place(id, {activations + static_cast<std::uint64_t>(plan.offset[at(id)] - plan.persistent_bytes), 0, 1});
  }
  if (lowered.loss >= 0) {
    const TensorId loss = storage_[at(lowered.loss)];
    const auto bytes = static_cast<std::uint64_t>(lowered.tensor(loss).bytes());
    const auto steps = static_cast<std::uint64_t>(std::max(job.steps, 1));
    place(loss, {reserve(bytes * steps), bytes, steps});
  }
  for (TensorId id = 0; id < count; ++id) {
    const graph::Tensor& tensor = lowered.tensor(id);
    if (tensor.role != Role::input) continue;
    const auto list = job.batches.find(id);
    const std::uint64_t batches = list == job.batches.end() ? 1 : std::max<std::uint64_t>(list->second.size(), 1);
    const std::uint64_t bytes = aligned(static_cast<std::uint64_t>(tensor.bytes()));
    place(id, {reserve(bytes * batches), bytes, batches});
  }
  for (std::size_t id = 0; id < names_.size(); ++id) {
    addresses_[id] = addresses_[at(storage_[id])];
    placed_[id] = placed_[at(storage_[id])];
  }
}

const StepAddress& MemoryMap::address(TensorId tensor) const {
  if (!placed_.at(at(tensor))) throw std::logic_error(names_[at(tensor)] + ": no op makes it, so it lies nowhere");
  return addresses_[at(tensor)];
}

bool fits_memory(const MemoryMap& map, std::uint64_t capacity, const device::Job& job, const std::string& parameter) {
  if (map.bytes() <= capacity) return true;
  if (!job.values) return false;
  throw device::Unsupported(
      fmt::format("{} needs {} bytes of device memory, there are {} ({}); it runs without values "
                  "(values: off)",
                  job.name, map.bytes(), capacity, parameter));
}

}  // namespace triad::kit
