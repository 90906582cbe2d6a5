#include "sim/reference/reference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "sim/reference/kernels.hpp"

namespace triad::reference {
namespace {

Value to_value(const device::HostTensor& given, const graph::Tensor& tensor) {
  if (given.shape != tensor.shape || given.format != tensor.format) {
    throw std::invalid_argument(fmt::format(
        "{}: the job gives a value of shape {} in {}, must be {} in {}", tensor.name, graph::to_string(given.shape),
        numerics::to_string(given.format), graph::to_string(tensor.shape), numerics::to_string(tensor.format)));
  }
  if (tensor.format == numerics::Format::int32) return {{}, given.integers()};
  return {given.floats(), {}};
}

/// The relative error of one number, see max_error.
double error(double device, double reference) {
  if (device == reference || (std::isnan(device) && std::isnan(reference))) return 0;
  const double difference = std::abs(device - reference) / std::max(std::abs(reference), 1e-6);
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

/// Calls `visit(name, values of the device, values of the reference)` for every final weight tensor.
template <class Visit>
void for_each_weight(const device::RunResult& result, const Outcome& reference, const Visit& visit) {
  if (result.weights.size() != reference.weights.size()) {
    throw std::invalid_argument(fmt::format("the device reports {} weights, the reference {}", result.weights.size(),
                                            reference.weights.size()));
  }
  for (const auto& [name, tensor] : reference.weights) {
    const auto found = result.weights.find(name);
    if (found == result.weights.end() || found->second.shape != tensor.shape) {
      throw std::invalid_argument(
          fmt::format("{}: the device reports no weight of shape {}", name, graph::to_string(tensor.shape)));
    }
    visit(name, found->second.floats(), tensor.floats());
  }
}

}  // namespace

Outcome run(const device::Job& job) {
  const graph::Graph& graph = job.graph;
  std::vector<Value> values(graph.tensors.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const graph::Tensor& tensor = graph.tensors[i];
    const auto id = static_cast<graph::TensorId>(i);
    if (tensor.role == graph::Role::parameter || tensor.role == graph::Role::state) {
      const auto initial = job.initial.find(id);
      if (initial == job.initial.end()) throw std::invalid_argument(tensor.name + ": the job gives no initial value");
      values[i] = to_value(initial->second, tensor);
    } else if (tensor.role == graph::Role::input) {
      const auto batches = job.batches.find(id);
      if (batches == job.batches.end() || batches->second.empty()) {
        throw std::invalid_argument(tensor.name + ": the job gives no batch");
      }
    }
  }

  Outcome outcome;
  for (int step = 0; step < job.steps; ++step) {
    for (const auto& [id, batches] : job.batches) {
      values[static_cast<std::size_t>(id)] =
          to_value(batches[static_cast<std::size_t>(step) % batches.size()], graph.tensor(id));
    }
    for (const graph::Op& op : graph.ops) execute(graph, op, values);
    for (const graph::Graph::Update& update : graph.updates) {
      values[static_cast<std::size_t>(update.persistent)] = values[static_cast<std::size_t>(update.updated)];
    }
    if (graph.loss >= 0) outcome.loss.push_back(values[static_cast<std::size_t>(graph.loss)].real.at(0));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const graph::Tensor& tensor = graph.tensors[i];
    if (tensor.role == graph::Role::parameter) {
      outcome.weights[tensor.name] = device::HostTensor::of(tensor.shape, values[i].real);
    }
  }
  return outcome;
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
  for_each_weight(result, reference, [&](const std::string&, const std::vector<float>& d, const std::vector<float>& r) {
    for (std::size_t i = 0; i < r.size(); ++i) largest = std::max(largest, error(d[i], r[i]));
  });
  return largest;
}

std::map<std::string, double> weight_errors(const device::RunResult& result, const Outcome& reference) {
  std::map<std::string, double> errors;
  for_each_weight(
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
