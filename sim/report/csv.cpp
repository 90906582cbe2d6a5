#include <fmt/format.h>

#include <cmath>

#include "sim/report/report.hpp"
#include "sim/report/text.hpp"

namespace triad::report {

namespace {

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{}", value) : "";
}
std::string number(const std::optional<double>& value) {
  return value ? number(*value) : "";
}

std::vector<std::pair<std::string, std::string>> fields(const Workload& workload, const device::RunResult& run) {
  const bool timed = is_timed(run);
  const auto figure = [&](double value) { return timed ? number(value) : std::string(); };
  const auto count = [&](std::uint64_t value) { return timed ? std::to_string(value) : std::string(); };
  const double flops_per_second = static_cast<double>(run.flops) / run.seconds;
  return {{"workload", workload.name},
          {"precision", workload.precision},
          {"steps", std::to_string(workload.steps)},
          {"device", run.device},
          {"architecture", run.architecture},
          {"config_digest", run.config_digest},
          {"technology", run.technology},
          {"clock_hz", figure(run.clock_hz)},
          {"cycles", count(run.cycles)},
          {"seconds", figure(run.seconds)},
          {"cycles_per_step", figure(static_cast<double>(run.cycles) / workload.steps)},
          {"flops", std::to_string(run.flops)},
          {"flops_per_second", figure(flops_per_second)},
          {"peak_flops_per_second", figure(run.peak_flops_per_second)},
          {"utilization", figure(flops_per_second / run.peak_flops_per_second)},
          {"energy_joules", number(run.energy_joules)},
          {"average_power_watts", number(run.average_power_watts)},
          {"peak_power_watts", number(run.peak_power_watts)},
          {"flops_per_watt", run.average_power_watts ? number(flops_per_second / *run.average_power_watts) : ""},
          {"read_bytes", count(run.read_bytes)},
          {"written_bytes", count(run.written_bytes)},
          {"peak_bytes_per_second", figure(run.peak_bytes_per_second)},
          {"average_lanes", figure(run.average_lanes)},
          {"peak_lanes", figure(run.peak_lanes)},
          {"bound_by", run.bound_by},
          {"first_loss", run.loss.empty() ? "" : fmt::format("{}", run.loss.front())},
          {"final_loss", run.loss.empty() ? "" : fmt::format("{}", run.loss.back())},
          {"max_error_vs_reference", number(run.max_error_vs_reference)},
          {"host_seconds", number(run.host_seconds)}};
}

}  // namespace

std::string csv(const Report& report) {
  std::string names, lines;
  for (const auto& run : report.runs) {
    std::string line;
    names.clear();
    for (const auto& [name, value] : fields(report.workload, run)) {
      names += (names.empty() ? "" : ",") + name;
      line += (line.empty() ? "" : ",") + csv_field(value);
    }
    lines += line + "\n";
  }
  return names + "\n" + lines;
}

}  // namespace triad::report
