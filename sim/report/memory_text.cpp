#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "sim/report/memory_report.hpp"
#include "sim/report/text.hpp"

namespace triad::report {

namespace {

using Json = nlohmann::ordered_json;

const char* to_string(device::Traffic::Pattern pattern) {
  switch (pattern) {
    case device::Traffic::Pattern::sequential:
      return "sequential";
    case device::Traffic::Pattern::random:
      return "random";
    case device::Traffic::Pattern::strided:
      return "strided";
  }
  throw std::logic_error("no such pattern");
}

template <class Value>
Json object(const std::vector<std::pair<std::string, Value>>& values) {
  Json json = Json::object();
  for (const auto& [name, value] : values) json[name] = value;
  return json;
}

Json latency(const device::Latency& latency, double clock_hz) {
  if (latency.requests == 0) return nullptr;
  const auto seconds = [&](std::uint64_t cycles) { return static_cast<double>(cycles) / clock_hz; };
  return {{"requests", latency.requests},      {"mean", latency.mean / clock_hz}, {"min", seconds(latency.least)},
          {"median", seconds(latency.median)}, {"p95", seconds(latency.p95)},     {"p99", seconds(latency.p99)},
          {"max", seconds(latency.most)}};
}

template <class Value>
Json optional(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json traffic_of(const device::Traffic& traffic) {
  const bool traced = traffic.trace != nullptr;
  const bool strided = !traced && traffic.pattern == device::Traffic::Pattern::strided;
  return {{"pattern", traced ? "trace" : to_string(traffic.pattern)},
          {"trace", traced ? Json(traffic.trace_name) : Json(nullptr)},
          {"request_bytes", traffic.bytes},
          {"stride_bytes", strided ? Json(traffic.stride) : Json(nullptr)},
          {"reads_to_writes", traced ? Json(nullptr) : Json(fmt::format("{}:{}", traffic.reads, traffic.writes))},
          {"seed", traced ? Json(nullptr) : Json(traffic.seed)},
          {"outstanding", optional(traffic.outstanding)},
          {"interval_cycles", optional(traffic.interval)}};
}

Json document(const MemoryReport& report) {
  const device::TrafficResult& result = report.result;
  return {{"schema_version", 1},
          {"memory",
           {{"name", report.memory},
            {"config_digest", report.config_digest},
            {"clock_hz", result.clock_hz},
            {"channels", result.channels},
            {"peak_bytes_per_second", result.peak_bytes_per_second}}},
          {"traffic", traffic_of(report.traffic)},
          {"cycles", result.cycles},
          {"seconds", result.seconds()},
          {"bytes", result.bytes},
          {"moved_bytes", result.moved_bytes},
          {"bytes_per_second", result.bytes_per_second()},
          {"utilization", result.bytes_per_second() / result.peak_bytes_per_second},
          {"read_latency_seconds", latency(result.read, result.clock_hz)},
          {"write_latency_seconds", latency(result.write, result.clock_hz)},
          {"row_hit_rate", result.row_hit_rate},
          {"forwarded_bursts", result.forwarded},
          {"commands", object(result.commands)},
          {"bus_cycles", object(result.bus_cycles)},
          {"energy_joules", object(result.energy_joules)},
          {"joules_per_bit", result.joules_per_bit()}};
}

/// The leaves of a document by the names of what leads to them, in its order: "commands_read".
void flatten(const Json& json, const std::string& name, std::vector<std::pair<std::string, std::string>>& fields) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) flatten(value, name.empty() ? key : name + "_" + key, fields);
  } else {
    std::string text = json.is_null() ? "" : json.is_string() ? json.get<std::string>() : json.dump();
    fields.emplace_back(name, std::move(text));
  }
}

}  // namespace

std::string memory_json(const MemoryReport& report) {
  return document(report).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string memory_csv(const MemoryReport& report) {
  Json json = document(report);
  // The same columns for every traffic.
  for (const char* key : {"read_latency_seconds", "write_latency_seconds"}) {
    if (json[key].is_null()) {
      for (const char* figure : {"requests", "mean", "min", "median", "p95", "p99", "max"}) json[key][figure] = nullptr;
    }
  }
  std::vector<std::pair<std::string, std::string>> fields;
  flatten(json, "", fields);
  std::string names, line;
  for (const auto& [name, value] : fields) {
    line += (names.empty() ? "" : ",") + csv_field(value);
    names += (names.empty() ? "" : ",") + name;
  }
  return names + "\n" + line + "\n";
}

}  // namespace triad::report
