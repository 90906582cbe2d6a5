#include "sim/reference/executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "sim/reference/kernels.hpp"
#include "sim/reference/vector_functions.hpp"

namespace triad::reference {
namespace {

using graph::Family;
using graph::Op;
using graph::OpKind;
using graph::Role;
using graph::Tensor;
using graph::TensorId;

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

/// Enough for what is bound by the host's memory.
int threads() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 4u));
}

/// A class that does not exist would count as none in the formula: an error of the data that nobody would see.
void check_classes(const graph::Graph& graph, const Op& op, Source classes) {
  const std::int64_t rows = graph.tensor(op.inputs[0]).shape[0], count = graph.tensor(op.inputs[0]).shape[1];
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int32_t number = classes.integers()[row];
    if ((number < 0 || number >= count) && number != op.integer("ignore_index")) {
      throw std::invalid_argument(
          fmt::format("{}: class {} of sample {}: must be 0 to {}", op.name, number, row, count - 1));
    }
  }
}

}  // namespace

Executor::Executor(const graph::Graph& graph, std::span<const TensorId> kept, bool needed_only)
    : graph_(graph), needed_only_(needed_only), read_(graph.tensors.size(), false), values_(graph.tensors.size()) {
  std::vector<bool> needed(graph.tensors.size(), !needed_only), alive(graph.tensors.size(), false);
  for (const TensorId id : kept) needed[at(id)] = alive[at(id)] = true;
  for (std::size_t i = graph.ops.size(); i-- > 0;) {
    const Op& op = graph.ops[i];
    if (std::ranges::none_of(op.outputs, [&](TensorId id) { return needed[at(id)]; })) continue;
    Step step{&op, {}};
    const auto ends_here = [&](TensorId id) {
      if (graph.tensor(id).role == Role::activation && !alive[at(id)]) step.last_read.push_back(id);
      alive[at(id)] = true;
    };
    for (const TensorId id : op.outputs) ends_here(id);
    for (const TensorId id : op.inputs) {
      ends_here(id);
      needed[at(id)] = read_[at(id)] = true;
    }
    steps_.push_back(std::move(step));
  }
  std::ranges::reverse(steps_);
}

Source Executor::source(TensorId id) const {
  if (!values_[at(id)]) throw std::logic_error(graph_.tensor(id).name + ": has no value");
  return {values_[at(id)].get(), graph_.tensor(id).format};
}

Target Executor::make(TensorId id) {
  const Tensor& tensor = graph_.tensor(id);
  values_[at(id)] = pool_.take(tensor.bytes());
  return {values_[at(id)].get(), tensor.format};
}

void Executor::give(TensorId id, const device::HostTensor& value) {
  const Tensor& tensor = graph_.tensor(id);
  if (value.shape != tensor.shape || value.format != tensor.format ||
      value.bytes.size() != static_cast<std::size_t>(tensor.bytes())) {
    throw std::invalid_argument(fmt::format(
        "{}: the job gives a value of shape {} in {}, must be {} in {}", tensor.name, graph::to_string(value.shape),
        numerics::to_string(value.format), graph::to_string(tensor.shape), numerics::to_string(tensor.format)));
  }
  // Values are only read; the pointer is mutable because those that ops make share the type.
  values_[at(id)] = {std::shared_ptr<std::byte>(), const_cast<std::byte*>(value.bytes.data())};
}

void Executor::fill(TensorId id, double value) {
  graph::Movement movement;
  movement.fill = value;
  execute_movement(movement, {}, make(id), graph::elements(graph_.tensor(id).shape));
}

void Executor::give_initial(const device::Job& job) {
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    const Tensor& tensor = graph_.tensors[i];
    const auto id = static_cast<TensorId>(i);
    if (tensor.role == Role::activation || tensor.role == Role::input) continue;
    if (const auto initial = job.initial.find(id); initial != job.initial.end()) {
      give(id, initial->second);
    } else if (tensor.role != Role::parameter) {
      fill(id, tensor.fill);
    } else if (!needed_only_ || read_by_an_op(id)) {
      throw std::invalid_argument(tensor.name + ": the job gives no initial value");
    }
  }
}

void Executor::give_batch(const device::Job& job, int step) {
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    const auto id = static_cast<TensorId>(i);
    if (graph_.tensors[i].role != Role::input) continue;
    const auto batches = job.batches.find(id);
    if (batches != job.batches.end() && !batches->second.empty()) {
      give(id, batches->second[static_cast<std::size_t>(step) % batches->second.size()]);
    } else if (read_by_an_op(id)) {
      throw std::invalid_argument(graph_.tensors[i].name + ": the job gives no batch");
    }
  }
}

void Executor::run() {
  for (const Step& step : steps_) {
    execute(*step.op);
    for (const TensorId id : step.last_read) values_[at(id)].reset();
  }
}

void Executor::execute(const Op& op) {
  std::vector<Source> operands;
  for (const TensorId id : op.inputs) operands.push_back(source(id));
  const auto outputs = [&] {
    std::vector<Target> targets;
    for (const TensorId id : op.outputs) targets.push_back(make(id));
    return targets;
  };
  switch (graph::family(op)) {
    case Family::contraction: {
      if (!op.formula) return execute_contraction(graph_, op, operands[0], operands[1], outputs()[0], pool_, threads());
      const std::vector<Tensor> factors = {graph_.tensor(op.inputs[0]), graph_.tensor(op.inputs[1])};
      const Tensor product = graph::definition(op.kind).infer(factors, op.attributes)[0];
      const std::shared_ptr<std::byte> memory = pool_.take(product.bytes());
      const Target result{memory.get(), product.format};
      execute_contraction(graph_, op, operands[0], operands[1], result, pool_, threads());
      std::vector<Source> of_epilogue = {result};
      of_epilogue.insert(of_epilogue.end(), operands.begin() + 2, operands.end());
      return execute_formula(*op.formula, of_epilogue, outputs(), threads());
    }
    case Family::formula:
      if (op.kind == OpKind::cross_entropy || op.kind == OpKind::cross_entropy_grad) {
        check_classes(graph_, op, operands[1]);
      }
      return execute_formula(graph::formula_of(graph_, op), operands, outputs(), threads());
    case Family::movement:
      return execute_movement(graph::movement(graph_, op), operands, outputs()[0],
                              graph::elements(graph_.tensor(op.outputs[0]).shape));
    case Family::view:
      values_[at(op.outputs[0])] = values_[at(op.inputs[0])];
      return;
    case Family::window:
      return execute_window(graph_, op, operands, outputs());
    case Family::indexed:
      return execute_indexed(graph_, op, operands, outputs()[0]);
  }
}

void Executor::update() {
  std::vector<std::shared_ptr<std::byte>> fresh;
  for (const graph::Graph::Update& update : graph_.updates) fresh.push_back(values_[at(update.updated)]);
  for (std::size_t i = 0; i < fresh.size(); ++i) values_[at(graph_.updates[i].persistent)] = fresh[i];
}

device::HostTensor Executor::value(TensorId id) const {
  const Tensor& tensor = graph_.tensor(id);
  device::HostTensor result = device::HostTensor::zeros(tensor.shape, tensor.format);
  std::memcpy(result.bytes.data(), source(id).data, result.bytes.size());
  return result;
}

}  // namespace triad::reference
