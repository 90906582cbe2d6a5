#pragma once
#include <string>
#include <vector>

#include "sim/graph/graph.hpp"

/// Which device runs which op: what `triad support` prints.
namespace triad::report {

/// One device's answer about one op in one phase of a training step.
struct Support {
  std::string op, variant;  ///< "conv2d", "grouped" (graph::Example)
  graph::Phase phase;
  std::string device;
  std::string reason;  ///< why not; empty when the device runs it
  bool supported() const { return reason.empty(); }
};

/// For people: op and the phases asked about (in full from 100 columns on, else "fwd, bwd") by device ("yes", "no", or
/// the phases that it runs), then the reasons, each with the ops that it holds for.
std::string support_table(const std::vector<Support>& answers, int width);
/// A list of {"op", "variant", "phase", "device", "supported", "reason"}.
std::string support_json(const std::vector<Support>& answers);
/// The same columns, a line each.
std::string support_csv(const std::vector<Support>& answers);

}  // namespace triad::report
