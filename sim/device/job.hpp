#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/device/host_tensor.hpp"
#include "sim/graph/graph.hpp"

namespace triad::device {

/// What is to be trained: the training-step graph and its data. The same for every device and for the host reference.
struct Job {
  std::string name;  ///< of the workload
  graph::Graph graph;
  numerics::Format precision = numerics::Format::fp32;  ///< multiply format of contractions
  int steps = 1;
  /// Without values no data exists, on the host or on a device: `initial` is empty, the tensors of `batches` have a
  /// shape but no bytes (how many there are decides about addresses), and a run reports what does not depend on values.
  bool values = true;
  /// Initial value of every parameter, state and constant, by tensor.
  std::map<graph::TensorId, HostTensor> initial;
  /// The batches of every input tensor; step s uses batch s % size of its list.
  std::map<graph::TensorId, std::vector<HostTensor>> batches;
};

/// How to run it.
struct RunOptions {
  bool check = false;            ///< hazard checks on: a read before its data is valid stops the run
  std::uint64_t max_cycles = 0;  ///< 0: no bound
};

}  // namespace triad::device
