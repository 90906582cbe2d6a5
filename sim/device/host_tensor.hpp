#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "sim/graph/graph.hpp"

namespace triad::device {

/// A tensor's value on the host, row-major, in its stored format (bf16 as 2-byte words, int32 as 4-byte words).
struct HostTensor {
  graph::Shape shape;
  numerics::Format format = numerics::Format::fp32;
  std::vector<std::byte> bytes;

  static HostTensor zeros(graph::Shape shape, numerics::Format format = numerics::Format::fp32);
  static HostTensor of(graph::Shape shape, const std::vector<float>& values);  ///< fp32
  /// The elements as fp32 (bf16 widened exactly, int32 converted).
  std::vector<float> floats() const;
};

/// Final parameters by name ("fc1.weight"), in name order: what `weights.npz` holds.
using Weights = std::map<std::string, HostTensor>;

}  // namespace triad::device
