#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/graph/graph.hpp"
#include "sim/report/report.hpp"

namespace triad::report {

using Json = nlohmann::ordered_json;

Workload workload_of(const device::Job& job) {
  return {job.name,
          numerics::to_string(job.precision),
          job.steps,
          job.graph.flops(),
          job.graph.parameters(),
          device::tolerance(job.precision)};
}

namespace {

Json figure(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}
Json figure(const std::optional<double>& value) {
  return value ? figure(*value) : Json(nullptr);
}
/// Of a machine with a clock; null for the host.
template <class Value>
Json timed(const device::RunResult& run, Value value) {
  return is_timed(run) ? Json(value) : Json(nullptr);
}
Json timed(const device::RunResult& run, double value) {
  return is_timed(run) ? figure(value) : Json(nullptr);
}

Json loss(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json unit(const device::UnitResult& unit) {
  Json cycles = Json::object(), actions = Json::object();
  for (const auto& [state, n] : unit.cycles) cycles[state] = n;
  for (const auto& [action, n] : unit.actions) actions[action] = n;
  return {{"name", unit.name}, {"clock_hz", unit.clock_hz}, {"total_cycles", unit.total_cycles},
          {"cycles", cycles},  {"actions", actions},        {"energy_joules", figure(unit.energy_joules)}};
}

Json op(const device::OpResult& op) {
  return {{"name", op.name},           {"kind", op.kind},
          {"phase", op.phase},         {"begin_cycle", op.begin_cycle},
          {"end_cycle", op.end_cycle}, {"array_cycles", op.array_cycles ? Json(*op.array_cycles) : Json(nullptr)},
          {"flops", op.flops},         {"bound_by", op.bound_by}};
}

Json run(const Workload& workload, const device::RunResult& run) {
  const double flops = static_cast<double>(run.flops);
  const double flops_per_second = flops / run.seconds;
  Json losses = Json::array(), units = Json::array(), ops = Json::array();
  for (const double value : run.loss) losses.push_back(loss(value));
  for (const auto& one : run.units) units.push_back(unit(one));
  for (const auto& one : run.ops) ops.push_back(op(one));
  return {
      {"device", run.device},
      {"architecture", run.architecture},
      {"config_digest", run.config_digest.empty() ? Json(nullptr) : Json(run.config_digest)},
      {"clock_hz", timed(run, run.clock_hz)},
      {"cycles", timed(run, run.cycles)},
      {"seconds", timed(run, run.seconds)},
      {"cycles_per_step", timed(run, static_cast<double>(run.cycles) / workload.steps)},
      {"flops", run.flops},
      {"flops_per_second", timed(run, flops_per_second)},
      {"peak_flops_per_second", timed(run, run.peak_flops_per_second)},
      {"utilization", timed(run, flops_per_second / run.peak_flops_per_second)},
      {"fits_memory", run.fits_memory},
      {"energy_joules", figure(run.energy_joules)},
      {"average_power_watts", figure(run.average_power_watts)},
      {"peak_power_watts", figure(run.peak_power_watts)},
      {"flops_per_watt", run.average_power_watts ? figure(flops_per_second / *run.average_power_watts) : Json(nullptr)},
      {"loss", run.loss.empty() ? Json(nullptr) : losses},
      {"max_error_vs_reference", figure(run.max_error_vs_reference)},
      {"memory",
       {{"read_bytes", timed(run, run.read_bytes)},
        {"written_bytes", timed(run, run.written_bytes)},
        {"achieved_bytes_per_second",
         timed(run, static_cast<double>(run.read_bytes + run.written_bytes) / run.seconds)}}},
      {"parallelism", {{"average_lanes", timed(run, run.average_lanes)}, {"peak_lanes", timed(run, run.peak_lanes)}}},
      {"units", units},
      {"ops", ops},
      {"host_seconds", figure(run.host_seconds)}};
}

}  // namespace

std::string json(const Report& report) {
  Json runs = Json::array();
  for (const auto& one : report.runs) runs.push_back(run(report.workload, one));
  const Json document = {{"schema_version", 1},
                         {"workload",
                          {{"name", report.workload.name},
                           {"precision", report.workload.precision},
                           {"steps", report.workload.steps},
                           {"flops_per_step", report.workload.flops_per_step},
                           {"parameters", report.workload.parameters}}},
                         {"runs", runs}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace triad::report
