#pragma once
#include <map>
#include <optional>

#include "models/kit/memory_map.hpp"
#include "sim/graph/op.hpp"

namespace triad::tpu {

/// Does a convolution see padding, or zeros between elements, around its first operand? The DMA puts them there.
bool needs_padding(const graph::Graph& graph, const graph::Op& op);

/// Which tensors stay in on-chip memory from their first to their last use in a step, and where. The others are
/// streamed through staging buffers. A tensor is a candidate when the step makes it, or uses it more than once, but for
/// a table whose rows the DMA picks and what a convolution pads, which the DMA does. Placed first-fit by first use.
class Residency {
 public:
  static constexpr std::uint64_t alignment = 64;
  /// `budget`: bytes of on-chip memory, from address 0, that resident tensors may take.
  Residency(const graph::Graph& graph, const kit::MemoryMap& map, std::uint64_t budget);
  /// The on-chip address of a tensor's storage, or nothing when it is streamed.
  std::optional<std::uint64_t> address(graph::TensorId storage) const;

 private:
  std::map<graph::TensorId, std::uint64_t> addresses_;
};

}  // namespace triad::tpu
