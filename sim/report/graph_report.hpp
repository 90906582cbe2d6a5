#pragma once
#include <optional>
#include <string>

#include "sim/graph/graph.hpp"

/// A workload's graph as text: what `triad graph` prints. Bytes are those of graph::traffic.
namespace triad::report {

struct GraphView {
  std::string name;  ///< of the workload
  const graph::Graph& graph;
  std::optional<graph::Phase> phase = std::nullopt;  ///< this phase's ops only
};

/// For people: work, parameters, memory and traffic of a step, then a table of ops by phase.
std::string graph_table(const GraphView& view, int width);
/// {"name", "flops", "parameters", "memory": {…}, "phases": [{…}], "ops": [{"name", "kind", "phase", "inputs":
/// [{"name", "shape", "format"}], "outputs", "members", "flops", "read_bytes", "written_bytes"}]}
std::string graph_json(const GraphView& view);
/// Graphviz: ops as boxes by phase, coloured by family; what persists as plain text; edges with shapes.
std::string graph_dot(const GraphView& view);

}  // namespace triad::report
