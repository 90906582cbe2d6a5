#include "sim/reference/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "sim/reference/executor.hpp"

namespace triad::reference {
namespace {

/// The relative error of one number, see max_error.
double error(double device, double reference) {
  if (device == reference || (std::isnan(device) && std::isnan(reference))) return 0;
  const double difference = std::abs(device - reference) / std::max(std::abs(reference), 1e-6);
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

/// Calls `visit(name, values of the device, values of the reference)` for every tensor.
template <class Visit>
void for_each_tensor(const char* what, const device::Weights& device, const device::Weights& reference,
                     const Visit& visit) {
  if (device.size() != reference.size()) {
    throw std::invalid_argument(
        fmt::format("the device reports {} {}s, the reference {}", device.size(), what, reference.size()));
  }
  for (const auto& [name, tensor] : reference) {
    const auto found = device.find(name);
    if (found == device.end() || found->second.shape != tensor.shape) {
      throw std::invalid_argument(
          fmt::format("{}: the device reports no {} of shape {}", name, what, graph::to_string(tensor.shape)));
    }
    visit(name, found->second.floats(), tensor.floats());
  }
}

/// The same for weights and outputs.
template <class Visit>
void for_each_tensor(const device::RunResult& result, const Outcome& reference, const Visit& visit) {
  for_each_tensor("weight", result.weights, reference.weights, visit);
  for_each_tensor("output", result.outputs, reference.outputs, visit);
}

void expect_values(const device::Job& job) {
  if (!job.values) throw std::invalid_argument(job.name + ": the reference computes values; this job has none");
}

}  // namespace

Outcome run(const device::Job& job) {
  expect_values(job);
  const graph::Graph& graph = job.graph;
  const std::vector<graph::TensorId> results = graph.results();
  std::vector<graph::TensorId> kept = results;
  if (graph.loss >= 0) kept.push_back(graph.loss);
  for (const graph::Graph::Update& update : graph.updates) kept.push_back(update.updated);

  Executor executor(graph, kept, false);
  executor.give_initial(job);
  Outcome outcome;
  for (int step = 0; step < job.steps; ++step) {
    executor.give_batch(job, step);
    executor.run();
    executor.update();
    if (graph.loss >= 0) outcome.loss.push_back(executor.value(graph.loss).floats().at(0));
  }
  for (std::size_t i = 0; i < graph.tensors.size(); ++i) {
    const auto id = static_cast<graph::TensorId>(i);
    if (graph.tensors[i].role == graph::Role::parameter) outcome.weights[graph.tensors[i].name] = executor.value(id);
  }
  for (const graph::TensorId id : results) outcome.outputs[graph.tensor(id).name] = executor.value(id);
  return outcome;
}

std::vector<device::HostTensor> evaluate(const device::Job& job, std::span<const graph::TensorId> wanted, int step) {
  expect_values(job);
  Executor executor(job.graph, wanted, true);
  executor.give_initial(job);
  executor.give_batch(job, step);
  executor.run();
  std::vector<device::HostTensor> values;
  for (const graph::TensorId id : wanted) values.push_back(executor.value(id));
  return values;
}

double max_error(const device::RunResult& result, const Outcome& reference) {
  if (result.loss.size() != reference.loss.size()) {
    throw std::invalid_argument(
        fmt::format("the device reports {} losses, the reference {}", result.loss.size(), reference.loss.size()));
  }
  double largest = 0;
  for (std::size_t i = 0; i < reference.loss.size(); ++i) {
    largest = std::max(largest, error(result.loss[i], reference.loss[i]));
  }
  for_each_tensor(result, reference, [&](const std::string&, const std::vector<float>& d, const std::vector<float>& r) {
    for (std::size_t i = 0; i < r.size(); ++i) largest = std::max(largest, error(d[i], r[i]));
  });
  return largest;
}

std::map<std::string, double> weight_errors(const device::RunResult& result, const Outcome& reference) {
  std::map<std::string, double> errors;
  for_each_tensor(
      result, reference, [&](const std::string& name, const std::vector<float>& d, const std::vector<float>& r) {
        double difference = 0, norm = 0;  // squared
        for (std::size_t i = 0; i < r.size(); ++i) {
          const double device = d[i], expected = r[i];
          if (device == expected || (std::isnan(device) && std::isnan(expected))) {
            if (std::isfinite(expected)) norm += expected * expected;
            continue;
          }
          difference += (device - expected) * (device - expected);
          norm += expected * expected;
        }
        const double relative = difference == 0 ? 0 : std::sqrt(difference) / std::max(std::sqrt(norm), 1e-6);
        errors[name] = std::isfinite(relative) ? relative : std::numeric_limits<double>::infinity();
      });
  return errors;
}

}  // namespace triad::reference
