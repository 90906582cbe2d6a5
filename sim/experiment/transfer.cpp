#include "sim/experiment/transfer.hpp"

#include <cstring>
#include <nlohmann/json.hpp>

namespace triad::experiment {

using Json = nlohmann::json;

namespace {

template <class Value>
Json to_json(const std::optional<Value>& value) {
  return value ? Json(*value) : Json(nullptr);
}
template <class Value>
void read(const Json& json, std::optional<Value>& value) {
  if (!json.is_null()) value = json.get<Value>();
}

Json to_json(const device::HostTensor& tensor) {
  std::vector<std::uint8_t> bytes(tensor.bytes.size());
  if (!bytes.empty()) std::memcpy(bytes.data(), tensor.bytes.data(), bytes.size());
  return {{"shape", tensor.shape}, {"format", static_cast<int>(tensor.format)}, {"bytes", Json::binary(bytes)}};
}

device::HostTensor tensor_of(const Json& json) {
  device::HostTensor tensor;
  json.at("shape").get_to(tensor.shape);
  tensor.format = static_cast<numerics::Format>(json.at("format").get<int>());
  const auto& bytes = json.at("bytes").get_binary();
  tensor.bytes.resize(bytes.size());
  if (!bytes.empty()) std::memcpy(tensor.bytes.data(), bytes.data(), bytes.size());
  return tensor;
}

Json to_json(const device::UnitResult& unit) {
  return {unit.name, unit.clock_hz, unit.total_cycles, unit.cycles, unit.actions, unit.energy_joules};
}

device::UnitResult unit_of(const Json& json) {
  device::UnitResult unit;
  json.at(0).get_to(unit.name);
  json.at(1).get_to(unit.clock_hz);
  json.at(2).get_to(unit.total_cycles);
  json.at(3).get_to(unit.cycles);
  json.at(4).get_to(unit.actions);
  json.at(5).get_to(unit.energy_joules);
  return unit;
}

Json to_json(const device::OpResult& op) {
  return {op.name, op.kind, op.phase, op.begin_cycle, op.end_cycle, to_json(op.array_cycles), op.flops, op.bound_by};
}

device::OpResult op_of(const Json& json) {
  device::OpResult op;
  json.at(0).get_to(op.name);
  json.at(1).get_to(op.kind);
  json.at(2).get_to(op.phase);
  json.at(3).get_to(op.begin_cycle);
  json.at(4).get_to(op.end_cycle);
  read(json.at(5), op.array_cycles);
  json.at(6).get_to(op.flops);
  json.at(7).get_to(op.bound_by);
  return op;
}

/// Calls `visit(key, member)` for every plain member of a result: one list for both directions.
template <class Result, class Visit>
void members(Result& result, const Visit& visit) {
  visit("device", result.device);
  visit("architecture", result.architecture);
  visit("config_digest", result.config_digest);
  visit("technology", result.technology);
  visit("clock_hz", result.clock_hz);
  visit("cycles", result.cycles);
  visit("seconds", result.seconds);
  visit("flops", result.flops);
  visit("peak_flops_per_second", result.peak_flops_per_second);
  visit("peak_bytes_per_second", result.peak_bytes_per_second);
  visit("fits_memory", result.fits_memory);
  visit("assumed", result.assumed);
  visit("loss", result.loss);
  visit("read_bytes", result.read_bytes);
  visit("written_bytes", result.written_bytes);
  visit("average_lanes", result.average_lanes);
  visit("peak_lanes", result.peak_lanes);
  visit("bound_by", result.bound_by);
  visit("bound_cycles", result.bound_cycles);
  visit("host_seconds", result.host_seconds);
}

template <class Result, class Visit>
void optional_members(Result& result, const Visit& visit) {
  visit("energy_joules", result.energy_joules);
  visit("average_power_watts", result.average_power_watts);
  visit("peak_power_watts", result.peak_power_watts);
  visit("max_error_vs_reference", result.max_error_vs_reference);
}

}  // namespace

std::vector<std::uint8_t> encode(const device::RunResult& result) {
  Json json = Json::object();
  members(result, [&](const char* key, const auto& member) { json[key] = member; });
  optional_members(result, [&](const char* key, const auto& member) { json[key] = to_json(member); });
  json["units"] = Json::array();
  json["ops"] = Json::array();
  json["weights"] = Json::object();
  json["outputs"] = Json::object();
  for (const auto& unit : result.units) json["units"].push_back(to_json(unit));
  for (const auto& op : result.ops) json["ops"].push_back(to_json(op));
  for (const auto& [name, tensor] : result.weights) json["weights"][name] = to_json(tensor);
  for (const auto& [name, tensor] : result.outputs) json["outputs"][name] = to_json(tensor);
  return Json::to_cbor(json);
}

device::RunResult decode(const std::vector<std::uint8_t>& bytes) {
  const Json json = Json::from_cbor(bytes);
  device::RunResult result;
  members(result, [&](const char* key, auto& member) { json.at(key).get_to(member); });
  optional_members(result, [&](const char* key, auto& member) { read(json.at(key), member); });
  for (const auto& unit : json.at("units")) result.units.push_back(unit_of(unit));
  for (const auto& op : json.at("ops")) result.ops.push_back(op_of(op));
  for (const auto& [name, tensor] : json.at("weights").items()) result.weights[name] = tensor_of(tensor);
  for (const auto& [name, tensor] : json.at("outputs").items()) result.outputs[name] = tensor_of(tensor);
  return result;
}

}  // namespace triad::experiment
