#pragma once
#include <cstdint>
#include <vector>

#include "sim/device/job.hpp"
#include "sim/device/result.hpp"

namespace triad::kit {

/// An address that may change from step to step: base + (step mod period) * stride.
struct StepAddress {
  std::uint64_t base = 0, stride = 0;
  std::uint64_t period = 1;
  std::uint64_t at(int step) const { return base + (static_cast<std::uint64_t>(step) % period) * stride; }
  StepAddress offset(std::uint64_t bytes) const { return {base + bytes, stride, period}; }
};

/// Where every tensor of a job lies in device memory. Parameters and state keep one place (an updated value shares it),
/// each batch of an input has its own, the loss has one slot a step; activations have one place each. Addresses are
/// 256-byte aligned.
class MemoryMap {
 public:
  static constexpr std::uint64_t alignment = 256;
  explicit MemoryMap(const device::Job& job);
  const StepAddress& address(graph::TensorId tensor) const { return addresses_[static_cast<std::size_t>(tensor)]; }
  /// The tensor whose storage this one shares (itself, when it has its own): an updated value that of the persistent
  /// tensor, the output of a reshape that of its input.
  graph::TensorId storage(graph::TensorId tensor) const { return storage_[static_cast<std::size_t>(tensor)]; }
  /// Bytes from address 0 to the end of the last tensor.
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::vector<graph::TensorId> storage_;
  std::vector<StepAddress> addresses_;
  std::uint64_t bytes_ = 0;
};

}  // namespace triad::kit
