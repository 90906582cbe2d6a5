#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/device/job.hpp"

namespace triad::kit {

/// An address that may change from step to step: base + (step mod period) * stride.
struct StepAddress {
  std::uint64_t base = 0, stride = 0;
  std::uint64_t period = 1;
  std::uint64_t at(int step) const { return base + (static_cast<std::uint64_t>(step) % period) * stride; }
  StepAddress offset(std::uint64_t bytes) const { return {base + bytes, stride, period}; }
};

/// Where every tensor of a job lies in device memory, from address 0 on:
///
///     parameters, states, constants │ activations │ losses, one slot a step │ batches of every input
///
/// What persists keeps one place, which its updated value and its views share. Activations lie where
/// graph::plan_memory puts them: those that are never alive together share bytes. So a later op may write where an
/// earlier one reads or writes another tensor: a device must order accesses by address (wait until earlier accesses to
/// the same bytes are done), or run ops one after the other. Each input has a place per batch of its own list, which
/// step s reads in turn (batch s mod size); without values, or without a list, one place. Places are 256-byte aligned.
/// The map may be larger than the memory (fits_memory).
class MemoryMap {
 public:
  static constexpr std::uint64_t alignment = 256;
  /// `lowered`: the job's graph as the device executes it, after fusion; same tensors.
  MemoryMap(const device::Job& job, const graph::Graph& lowered);
  /// Throws std::logic_error about a tensor that nothing makes (an inner value of a fused op).
  const StepAddress& address(graph::TensorId tensor) const;
  bool is_placed(graph::TensorId tensor) const { return placed_[static_cast<std::size_t>(tensor)]; }
  /// The tensor whose storage this one shares (itself, when it has its own): graph::storages.
  graph::TensorId storage(graph::TensorId tensor) const { return storage_[static_cast<std::size_t>(tensor)]; }
  /// Bytes from address 0 to the end of the last tensor.
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::vector<std::string> names_;
  std::vector<graph::TensorId> storage_;
  std::vector<bool> placed_;
  std::vector<StepAddress> addresses_;
  std::uint64_t bytes_ = 0;
};

/// RunResult::fits_memory: does the map fit into a memory of `capacity` bytes? A job with values must: throws
/// device::Unsupported that names the job, both sizes and `parameter` (the capacity's name in the configuration).
bool fits_memory(const MemoryMap& map, std::uint64_t capacity, const device::Job& job,
                 const std::string& parameter = "memory.capacity");

}  // namespace triad::kit
