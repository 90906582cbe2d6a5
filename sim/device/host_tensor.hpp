#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/graph/graph.hpp"

namespace triad::device {

/// A tensor's value on the host, row-major, in its stored format (bf16 and fp16 as 2-byte words, int8 as bytes,
/// int32 as 4-byte words).
struct HostTensor {
  graph::Shape shape;
  numerics::Format format = numerics::Format::fp32;
  std::vector<std::byte> bytes;

  static HostTensor zeros(graph::Shape shape, numerics::Format format = numerics::Format::fp32);
  /// From as many values as the shape holds, else std::invalid_argument.
  static HostTensor of(graph::Shape shape, const std::vector<float>& values);                  ///< fp32
  static HostTensor of_integers(graph::Shape shape, const std::vector<std::int32_t>& values);  ///< int32
  /// Rounded to the format: fp32; bf16 and fp16 to nearest even; int8 and int32 to the nearest integer, ties to even,
  /// clamped to the format's range, 0 for NaN. Throws std::invalid_argument for tf32.
  static HostTensor of(graph::Shape shape, const std::vector<float>& values, numerics::Format format);
  /// The elements as fp32 (bf16 and fp16 widened exactly, int8 and int32 converted).
  std::vector<float> floats() const;
  /// The elements of an int32 tensor. Throws std::invalid_argument for another format.
  std::vector<std::int32_t> integers() const;
};

/// Tensors by name ("fc1.weight"), in name order: the final parameters, what `weights.npz` holds.
using Weights = std::map<std::string, HostTensor>;

}  // namespace triad::device
