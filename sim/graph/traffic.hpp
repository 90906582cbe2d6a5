#pragma once
#include <cstdint>

#include "sim/graph/graph.hpp"

namespace triad::graph {

/// Bytes that an op moves when memory holds its operands and takes its results, and each is moved once: what no device
/// that runs the op alone can go below.
struct Traffic {
  std::int64_t read_bytes = 0, written_bytes = 0;
  std::int64_t bytes() const { return read_bytes + written_bytes; }
};

/// A movement reads what it copies, gather the rows that it delivers; any other op reads each operand as a whole. A
/// view moves nothing.
Traffic traffic(const Graph& graph, const Op& op);

}  // namespace triad::graph
