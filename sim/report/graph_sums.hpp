#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/graph/traffic.hpp"
#include "sim/report/graph_report.hpp"

namespace triad::report {

/// Ops of a phase, and what they do together.
struct PhaseSum {
  graph::Phase phase;
  std::vector<const graph::Op*> ops;
  std::int64_t flops = 0;
  graph::Traffic traffic;
};
/// The phases that have ops, in order; one only where the view asks for one.
std::vector<PhaseSum> phase_sums(const GraphView& view);

/// FLOPs per byte moved with three significant digits; "-" where nothing is moved.
std::string intensity(std::int64_t flops, std::int64_t bytes);
/// "1.926 GFLOP, 28.9 MB, 66.6 FLOP/B" without what is zero; empty where everything is.
std::string work(std::int64_t flops, std::int64_t bytes);

/// Memory of a step.
struct MemorySum {
  std::int64_t parameters = 0, states = 0, constants = 0, inputs = 0;  ///< bytes
  std::int64_t activations = 0;                                        ///< bytes, as the memory plan places them
  std::int64_t peak() const { return parameters + states + constants + inputs + activations; }
};
MemorySum memory_sum(const graph::Graph& graph);

}  // namespace triad::report
