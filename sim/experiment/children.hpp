#pragma once
#include <functional>
#include <string>
#include <vector>

#include "sim/device/result.hpp"

namespace triad::experiment {

/// Work for a process of its own: SystemC allows one elaboration per process.
struct Task {
  std::string name;  ///< "tpu-v3"
  std::function<device::RunResult()> work;
};

/// Runs every task in a child process, as many at a time as there are processors, and returns their results in order.
/// Call it before any SystemC object exists. What a task writes to standard output goes to standard error.
/// When tasks fail, throws the error of the first one in order, with its name: device::Unsupported when the input is at
/// fault, device::Fault otherwise, also for a child that a signal ended.
/// With `progress` a line on standard error says what runs, once it has taken a second; it is erased at the end.
std::vector<device::RunResult> run_in_children(const std::vector<Task>& tasks, bool progress);

}  // namespace triad::experiment
