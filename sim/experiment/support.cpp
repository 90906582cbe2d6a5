#include "sim/experiment/support.hpp"

#include "sim/graph/examples.hpp"

namespace triad::experiment {
namespace {

/// The format that the contractions of a graph multiply; fp32 where there is none.
numerics::Format precision_of(const graph::Graph& graph) {
  for (const graph::Op& op : graph.ops) {
    if (graph::is_contraction(op.kind)) return graph.tensor(op.inputs[0]).format;
  }
  return numerics::Format::fp32;
}

/// Why a device does not run a graph; empty when it does.
std::string objection(const device::Device& device, const std::string& name, const graph::Graph& graph) {
  device::Job job;
  job.name = name;
  job.graph = graph;
  job.precision = precision_of(graph);
  job.values = false;
  try {
    device.lower(job);
    return {};
  } catch (const device::Unsupported& error) {
    return error.what();
  }
}

}  // namespace

std::vector<report::Support> support(const std::vector<Machine>& machines) {
  std::vector<report::Support> answers;
  for (const graph::OpDefinition& definition : graph::definitions()) {
    for (const graph::Example& example : graph::examples(definition.kind)) {
      for (const Machine& machine : machines) {
        const auto ask = [&](graph::Phase phase, const graph::Graph& graph) {
          answers.push_back({definition.name, example.variant, phase, machine.name,
                             objection(*machine.device, definition.name, graph)});
        };
        ask(example.op().phase, example.graph);
        const std::optional<graph::Graph> backward = graph::backward_of(example);
        if (backward && !backward->ops.empty()) ask(graph::Phase::backward, *backward);
      }
    }
  }
  return answers;
}

}  // namespace triad::experiment
