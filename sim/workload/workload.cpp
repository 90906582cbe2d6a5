#include "sim/workload/workload.hpp"

#include <limits>

#include "sim/graph/training.hpp"
#include "sim/workload/data.hpp"
#include "sim/workload/network.hpp"

namespace triad::workload {
namespace {

constexpr int most_steps = 1'000'000;

graph::Optimizer read_optimizer(const config::Node& node) {
  node.at("type").choice({"sgd"});
  graph::Optimizer optimizer;
  const config::Node rate = node.at("learning_rate");
  optimizer.learning_rate = rate.number(0, 1e6);
  if (optimizer.learning_rate == 0) rate.fail("nothing is learnt at rate 0; must be positive");
  if (const auto momentum = node.find("momentum")) {
    optimizer.momentum = momentum->number(0, 1);
    if (optimizer.momentum == 1) momentum->fail("must be below 1");
  }
  return optimizer;
}

numerics::Format read_precision(const config::Node& workload) {
  const auto node = workload.find("precision");
  if (!node) return numerics::Format::fp32;
  return node->choice({"fp32", "bf16"}) == "bf16" ? numerics::Format::bf16 : numerics::Format::fp32;
}

}  // namespace

device::Job read(const config::Node& workload) {
  device::Job job;
  job.name = workload.at("name").text();
  if (const auto summary = workload.find("summary")) summary->text();  // for `triad list`
  job.precision = read_precision(workload);
  job.steps = static_cast<int>(workload.at("steps").integer(1, most_steps));
  const Network network = read_network(workload, job.precision);
  const graph::Optimizer optimizer = read_optimizer(workload.at("optimizer"));
  const Source initial = read_initial_source(workload);
  const DataSource data = read_data_source(workload, network);
  workload.reject_unread();  // before any file is opened

  job.graph = graph::training_step(network.graph, optimizer);
  job.initial = initial_values(network, initial);
  for (std::size_t i = 0; i < job.graph.tensors.size(); ++i) {
    const graph::Tensor& tensor = job.graph.tensors[i];
    if (tensor.role == graph::Role::state) {
      job.initial[static_cast<graph::TensorId>(i)] = device::HostTensor::zeros(tensor.shape, tensor.format);
    }
  }
  job.batches = batches(network, data, job.steps);
  return job;
}

device::Job load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  return read(config::load(file, overrides, "workload"));
}

}  // namespace triad::workload
