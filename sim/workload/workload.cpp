#include "sim/workload/workload.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

#include "sim/graph/passes.hpp"
#include "sim/graph/training.hpp"
#include "sim/reference/fold.hpp"
#include "sim/workload/data.hpp"
#include "sim/workload/network.hpp"
#include "sim/workload/optimizer.hpp"
#include "sim/workload/quantization.hpp"
#include "sim/workload/scale_sim.hpp"

namespace triad::workload {
namespace {

using device::HostTensor;
using graph::TensorId;
using numerics::Format;

constexpr int most_steps = 1'000'000;

Format read_precision(const config::Node& workload) {
  const auto node = workload.find("precision");
  if (!node) return Format::fp32;
  const std::string word = node->choice({"fp32", "bf16", "fp16", "int8"});
  for (const Format format : {Format::bf16, Format::fp16, Format::int8}) {
    if (word == numerics::to_string(format)) return format;
  }
  return Format::fp32;
}

/// `ops` or `topology` in the place of a network: forward only, one step unless more are asked for.
bool is_forward_only(const config::Node& workload) {
  return workload.find("ops").has_value() || workload.find("topology").has_value();
}

void read_operations(const config::Node& workload, device::Job& job) {
  if (const auto steps = workload.find("steps")) job.steps = static_cast<int>(steps->integer(1, most_steps));
  const auto ops = workload.find("ops"), topology = workload.find("topology");
  if (ops && topology) topology->fail("either ops or topology, not both");
  const Network network =
      ops ? read_ops(*ops, job.precision, job.values) : read_topology(*topology, job.precision, job.values);
  workload.reject_unread();
  job.graph = network.graph;
  if (job.values) job.initial = initial_values(network, {});
}

/// Forward only: asked for, or because int8 has no gradients.
bool is_inference(const config::Node& workload, Format precision) {
  const auto node = workload.find("inference");
  const bool asked = node && node->boolean();
  if (node && !asked && precision == Format::int8) node->fail("int8 is for inference: it has no gradients");
  return asked || precision == Format::int8;
}

/// One value a step, as few as say the same.
std::vector<HostTensor> per_step(int steps, const std::function<double(int)>& value) {
  std::vector<HostTensor> list;
  bool same = true;
  for (int step = 0; step < steps; ++step) {
    list.push_back(HostTensor::of({}, {static_cast<float>(value(step))}));
    same = same && list.back().bytes == list.front().bytes;
  }
  if (same) list.resize(1);
  return list;
}

/// What is given anew each step: samples, the learning rate, the number of the step. Without values as many tensors
/// without bytes.
void fill_batches(device::Job& job, const Network& network, const OptimizerSettings& settings, const DataSource& data) {
  job.batches = job.values ? batches(network, data, job.steps) : batch_shapes(network, data, job.steps);
  const graph::Optimizer& optimizer = settings.optimizer;
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    const graph::Tensor& tensor = job.graph.tensors[i];
    const auto id = static_cast<TensorId>(i);
    if (tensor.role != graph::Role::input || job.batches.contains(id)) continue;
    if (id == network.step) {
      for (int step = 0; step < job.steps; ++step) job.batches[id].push_back(HostTensor::of_integers({}, {step}));
    } else if (tensor.name == graph::learning_rate_name) {
      job.batches[id] = per_step(job.steps, [&](int step) { return settings.rate(step); });
    } else {
      const double beta = tensor.name == graph::correction1_name ? optimizer.beta1 : optimizer.beta2;
      job.batches[id] = per_step(job.steps, [&](int step) { return 1 - std::pow(beta, step + 1); });
    }
    if (job.values) continue;
    for (HostTensor& value : job.batches[id]) value.bytes.clear();
  }
}

/// Everything that the job is given: parameters, states and constants, and what comes anew each step.
void fill(device::Job& job, const Network& network, const OptimizerSettings& settings, const Source& initial,
          const DataSource& data) {
  fill_batches(job, network, settings, data);
  if (!job.values) return;
  job.initial = initial_values(network, initial);
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    const graph::Tensor& tensor = job.graph.tensors[i];
    const auto id = static_cast<TensorId>(i);
    if (tensor.role != graph::Role::state && tensor.role != graph::Role::constant) continue;
    if (!job.initial.contains(id)) job.initial[id] = filled(tensor);
  }
}

/// The forward pass of a network over as many batches as there are steps.
void read_inference(const config::Node& workload, device::Job& job) {
  constexpr int most_batches = 8;  // of calibration, unless the workload says more
  const Format precision = job.precision == Format::int8 ? Format::fp32 : job.precision;
  const Network network = read_network(workload, precision, job.values, true);
  // What only training reads may stay in the file, so that one file serves both.
  for (const char* key : {"loss", "optimizer", "loss_scale", "recompute"}) {
    if (const auto unused = workload.find(key)) config::mark_read(*unused);
  }
  const Source initial = read_initial_source(workload);
  const DataSource data = read_data_source(workload, network, job.values);
  int batches_of_calibration = most_batches;
  if (const auto calibration = workload.find("calibration")) {
    batches_of_calibration = static_cast<int>(calibration->at("batches").integer(1, most_steps));
  }
  workload.reject_unread();
  job.graph = network.graph;
  fill(job, network, {}, initial, data);
  if (job.precision == Format::int8) {
    std::size_t different = 1;  // batches, before they come again
    for (const auto& [id, list] : job.batches) different = std::max(different, list.size());
    quantize(job, std::min(batches_of_calibration, static_cast<int>(different)));
  }
  reference::fold_constants(job);
}

}  // namespace

device::Job read(const config::Node& workload) {
  device::Job job;
  job.name = workload.at("name").text();
  for (const char* key : {"summary", "application"}) {  // for `triad list`
    if (const auto text = workload.find(key)) text->text();
  }
  job.precision = read_precision(workload);
  if (const auto values = workload.find("values")) job.values = values->boolean();
  if (is_forward_only(workload)) {
    read_operations(workload, job);
    return job;
  }
  job.steps = static_cast<int>(workload.at("steps").integer(1, most_steps));
  if (is_inference(workload, job.precision)) {
    read_inference(workload, job);
    return job;
  }
  graph::Training training;
  if (const auto scale = workload.find("loss_scale")) {
    training.loss_scale = scale->number(0, 0x1p24);
    if (training.loss_scale == 0) scale->fail("must be positive");
  }
  const Network network = read_network(workload, job.precision, job.values);
  const OptimizerSettings settings = read_optimizer(workload.at("optimizer"));
  const auto recompute = workload.find("recompute");
  const bool recomputes = recompute && recompute->boolean();
  training.optimizer = settings.optimizer;
  const Source initial = read_initial_source(workload);
  const DataSource data = read_data_source(workload, network, job.values);
  workload.reject_unread();  // before any file is opened
  try {
    // Of a recurrent layer of which only the last step is read, the sequence is dead.
    job.graph = graph::without_dead_ops(graph::training_step(network.graph, training));
  } catch (const std::invalid_argument& error) {
    workload.at(workload.find("model") ? "model" : "layers").fail(error.what());
  }
  if (recomputes) job.graph = graph::recompute(job.graph);
  fill(job, network, settings, initial, data);
  reference::fold_constants(job);
  return job;
}

device::Job load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  return read(config::load(file, overrides, "workload"));
}

}  // namespace triad::workload
