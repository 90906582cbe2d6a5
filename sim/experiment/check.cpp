#include "sim/experiment/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>

#include "sim/device/device.hpp"
#include "sim/numerics/random.hpp"
#include "sim/reference/reference.hpp"

namespace triad::experiment {
namespace {

constexpr int perturbations = 4;
constexpr double spreads_accepted = 4;
constexpr double most_of_a_loss = 0.2;  ///< beyond this a loss is held to nothing

double relative(double got, double want) {
  if (std::isnan(want) && std::isnan(got)) return 0;
  if (want == got) return 0;
  const double error = std::abs(got - want) / std::max(std::abs(want), 1e-6);
  return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
}

/// The job with its initial parameters changed by up to a millionth: what an fp32 sum of a few hundred terms is off by.
device::Job perturbed(const device::Job& job, std::uint32_t seed) {
  device::Job other = job;
  for (auto& [id, tensor] : other.initial) {
    if (job.graph.tensor(id).role != graph::Role::parameter || tensor.format != numerics::Format::fp32) continue;
    std::vector<float> values = tensor.floats();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float u = numerics::uniform(seed, static_cast<std::uint32_t>(id), static_cast<std::uint32_t>(i));
      values[i] *= 1 + 1e-6f * (2 * u - 1);
    }
    tensor = device::HostTensor::of(tensor.shape, values);
  }
  return other;
}

/// What the reference comes off by.
struct Spread {
  std::vector<double> loss;
  std::map<std::string, double> weights;
};

Spread spread_of(const device::RunResult& expected, const device::Job& job) {
  Spread spread{std::vector<double>(expected.loss.size(), 0), {}};
  for (std::uint32_t seed = 0; seed < perturbations; ++seed) {
    const reference::Outcome other = reference::run(perturbed(job, seed));
    for (std::size_t step = 0; step < spread.loss.size(); ++step) {
      spread.loss[step] = std::max(spread.loss[step], relative(other.loss[step], expected.loss[step]));
    }
    for (const auto& [name, error] : reference::weight_errors(expected, other)) {
      spread.weights[name] = std::max(spread.weights[name], error);
    }
  }
  // A run that leaves the numbers says nothing about a spread.
  for (double& loss : spread.loss) loss = std::isfinite(loss) ? loss : 0;
  for (auto& [name, error] : spread.weights) error = std::isfinite(error) ? error : 0;
  return spread;
}

}  // namespace

void check(device::RunResult& result, const device::RunResult& expected, const device::Job& job) {
  const reference::Outcome outcome{expected.loss, expected.weights, expected.outputs};
  result.max_error_vs_reference = reference::max_error(result, outcome);
  const device::Tolerance tolerance = device::tolerance(job.precision);
  std::optional<Spread> spread;  // only when it is asked for
  const auto accepted = [&](double usual, const auto& own) {
    if (!spread) spread = spread_of(expected, job);
    return std::max(usual, spreads_accepted * own(*spread));
  };
  for (std::size_t step = 0; step < expected.loss.size(); ++step) {
    const double want = expected.loss[step], got = result.loss[step], error = relative(got, want);
    if (error <= tolerance.loss) continue;
    // The first loss follows from the initial parameters alone: nothing has been amplified yet.
    const auto own = [&](const Spread& s) { return std::min(s.loss[step], most_of_a_loss / spreads_accepted); };
    const double most = step == 0 ? tolerance.loss : accepted(tolerance.loss, own);
    if (error <= most) {
      result.ill_conditioned.push_back({fmt::format("the loss of step {}", step), error, most});
      continue;
    }
    throw device::Fault(
        fmt::format("{}: --check: the loss of step {} is {}, the host reference has {} (a relative {:.2g} is accepted)",
                    result.device, step, got, want, most));
  }
  for (const auto& [name, error] : reference::weight_errors(result, outcome)) {
    if (error <= tolerance.weights) continue;
    const double most = accepted(tolerance.weights, [&](const Spread& s) { return s.weights.at(name); });
    if (error <= most) {
      result.ill_conditioned.push_back({name, error, most});
      continue;
    }
    throw device::Fault(fmt::format(
        "{}: --check: the final {} differs from the host reference's by {:.3g} of its L2 norm ({:.2g} is accepted)",
        result.device, name, error, most));
  }
}

}  // namespace triad::experiment
