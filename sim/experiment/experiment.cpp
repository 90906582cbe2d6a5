#include "sim/experiment/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <memory>

#include "sim/experiment/check.hpp"
#include "sim/experiment/children.hpp"
#include "sim/reference/fold.hpp"
#include "sim/reference/reference.hpp"
#include "sim/workload/workload.hpp"

namespace triad::experiment {

namespace fs = std::filesystem;

namespace {

const std::string reference_name = "reference";

double since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

device::RunResult reference_result(const device::Job& job) {
  const auto begin = std::chrono::steady_clock::now();
  reference::Outcome outcome = reference::run(job);
  device::RunResult result;
  result.device = reference_name;
  result.architecture = "host";
  result.flops = job.graph.flops() * job.steps;
  result.loss = std::move(outcome.loss);
  result.weights = std::move(outcome.weights);
  result.outputs = std::move(outcome.outputs);
  result.host_seconds = since(begin);
  return result;
}

/// A machine with its program: everything that can be wrong with the input has been found.
struct Prepared {
  Machine machine;
  std::unique_ptr<device::Program> program;
  double host_seconds = 0;  ///< that lowering took
};

void reject_precision(const Machine& machine, const device::Job& job) {
  using numerics::Format;
  if (machine.device->peak_flops(job.precision) > 0) return;
  std::vector<std::string> supported;
  for (const Format format : {Format::fp32, Format::tf32, Format::bf16, Format::fp16, Format::int8})
    if (machine.device->peak_flops(format) > 0) supported.push_back(numerics::to_string(format));
  throw device::Unsupported(fmt::format("{}: does not multiply in {}; set the workload's precision to {}", machine.name,
                                        numerics::to_string(job.precision), fmt::join(supported, " or ")));
}

Prepared prepare(Machine machine, const device::Job& job) {
  reject_precision(machine, job);
  const auto begin = std::chrono::steady_clock::now();
  try {
    auto program = machine.device->lower(job);
    return {std::move(machine), std::move(program), since(begin)};
  } catch (const device::Unsupported& error) {
    throw device::Unsupported(machine.name + ": " + error.what());
  }
}

device::RunResult execute(const Prepared& prepared, const device::Job& job, const device::RunOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  device::RunResult result = prepared.machine.device->run(*prepared.program, job, options);
  result.device = prepared.machine.name;
  result.architecture = prepared.machine.architecture->name;
  result.config_digest = prepared.machine.config_digest;
  result.host_seconds = prepared.host_seconds + since(begin);
  return result;
}

report::Report simulate(std::vector<Machine> machines, const device::Job& job, const Options& options) {
  std::vector<Prepared> prepared;
  for (Machine& machine : machines) prepared.push_back(prepare(std::move(machine), job));
  const device::RunOptions run_options{options.check, options.max_cycles};
  std::vector<Task> tasks;
  for (const Prepared& one : prepared) {
    tasks.push_back({one.machine.name, [&] { return execute(one, job, run_options); }});
  }
  if (options.check) tasks.push_back({reference_name, [&] { return reference_result(job); }});
  std::vector<device::RunResult> results = run_in_children(tasks, options.progress);
  if (options.check) {
    const device::RunResult expected = std::move(results.back());
    results.pop_back();
    for (device::RunResult& result : results) check(result, expected, job);
  }
  return {report::workload_of(job), std::move(results)};
}

std::vector<std::string> names_of(const std::vector<DeviceName>& devices) {
  std::vector<std::string> names;
  for (const DeviceName& device : devices) names.push_back(device.name);
  return names;
}

/// The workload as every machine and the reference run it: constants folded.
device::Job load(const fs::path& workload, const Settings& settings) {
  device::Job job = workload::load(workload, settings.workload);
  reference::fold_constants(job);
  return job;
}

/// A job without values has nothing to compare.
void require_values(const device::Job& job, const std::string& asked) {
  if (job.values) return;
  throw config::Error(fmt::format(
      "{}: the workload {} says 'values: off', so nothing is computed; say --set workload.values=on", asked, job.name));
}

report::Report run_plan(const device::Registry& registry, const Plan& plan, const Options& options) {
  const Settings settings = read_settings(options.set, names_of(plan.devices));
  std::vector<Machine> machines = make_machines(registry, plan.devices, settings.devices);
  const device::Job job = load(plan.workload, settings);
  if (options.check) require_values(job, "--check");
  return simulate(std::move(machines), job, options);
}

/// A device's name stands in --set and names a folder of results.
void check_name(const config::Node& node, const std::string& name) {
  if (name == "device" || name == "workload") node.fail("'" + name + "' has a meaning of its own in --set");
  const bool plain =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-'; });
  if (!plain) node.fail(fmt::format("'{}': a device's name is made of letters, digits, - and _", name));
}

/// An entry of `devices:`.
DeviceName read_device(const device::Registry& registry, const config::Node& node) {
  const auto named = [&](const config::Node& value) {
    try {
      return name_device(registry, value.text(), node.folder());
    } catch (const config::Error& error) {
      if (std::string(error.what()).starts_with(value.where())) throw;
      value.fail(error.what());
    }
  };
  if (!node.is_map()) return named(node);
  DeviceName device = named(node.at("preset"));
  if (const auto name = node.find("name")) {
    device.name = name->text();
    check_name(*name, device.name);
  }
  if (const auto set = node.find("set")) {
    for (const std::string& path : set->keys()) device.changes.emplace_back(path, set->at(path));
  }
  return device;
}

}  // namespace

report::Report run(const device::Registry& registry, const std::string& device, const std::string& workload,
                   const Options& options) {
  const Plan plan{{name_device(registry, device, fs::current_path())},
                  config::resolve(workload, fs::current_path(), {"workloads"})};
  return run_plan(registry, plan, options);
}

Ready prepare(const device::Registry& registry, const std::string& device, const std::string& workload,
              const std::vector<std::string>& set) {
  const DeviceName name = name_device(registry, device, fs::current_path());
  const Settings settings = read_settings(set, {name.name});
  Ready ready;
  ready.job = load(config::resolve(workload, fs::current_path(), {"workloads"}), settings);
  Prepared prepared = prepare(std::move(make_machines(registry, {name}, settings.devices).front()), ready.job);
  ready.machine = std::move(prepared.machine);
  ready.program = std::move(prepared.program);
  return ready;
}

report::Report run_reference(const std::string& workload, const Options& options) {
  const fs::path file = config::resolve(workload, fs::current_path(), {"workloads"});
  const Settings settings = read_settings(options.set, {});
  if (!settings.devices.empty()) {
    throw config::Error(settings.devices.front().change.where + ": the host reference has no parameters");
  }
  if (options.max_cycles > 0) throw config::Error("--max-cycles: the host reference has no cycles");
  if (options.check) throw config::Error("--check: the host reference is what devices are compared with");
  const device::Job job = load(file, settings);
  require_values(job, "the host reference");
  return {report::workload_of(job),
          run_in_children({{reference_name, [&] { return reference_result(job); }}}, options.progress)};
}

Plan read_plan(const device::Registry& registry, const std::string& experiment) {
  const config::Node node = config::load(config::resolve(experiment, fs::current_path(), {"experiments"}));
  node.find("summary");
  Plan plan;
  const config::Node devices = node.at("devices");
  for (const config::Node& item : devices.items()) {
    DeviceName device = read_device(registry, item);
    for (const DeviceName& other : plan.devices) {
      if (other.name == device.name)
        item.fail(fmt::format("a second device named {}; give it a name: of its own", device.name));
    }
    plan.devices.push_back(std::move(device));
  }
  if (plan.devices.empty()) devices.fail("names no device");
  const config::Node workload = node.at("workload");
  try {
    plan.workload = config::resolve(workload.text(), workload.folder(), {"workloads"});
  } catch (const config::Error& error) {
    if (std::string(error.what()).starts_with(workload.where())) throw;
    workload.fail(error.what());
  }
  node.reject_unread();
  return plan;
}

report::Report compare(const device::Registry& registry, const std::string& experiment, const Options& options) {
  return run_plan(registry, read_plan(registry, experiment), options);
}

}  // namespace triad::experiment
