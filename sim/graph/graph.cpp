#include "sim/graph/graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "sim/graph/op.hpp"

namespace triad::graph {

std::int64_t elements(const Shape& shape) {
  std::int64_t product = 1;
  for (const std::int64_t dimension : shape) product *= dimension;
  return product;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::string to_string(Phase phase) {
  switch (phase) {
    case Phase::forward:
      return "forward";
    case Phase::backward:
      return "backward";
    case Phase::update:
      return "update";
  }
  throw std::invalid_argument("unknown phase");
}

TensorId Graph::add_tensor(Tensor tensor) {
  for (const std::int64_t dimension : tensor.shape) {
    if (dimension < 1) {
      throw std::invalid_argument(
          fmt::format("{}: shape {}: every dimension must be at least 1", tensor.name, to_string(tensor.shape)));
    }
  }
  tensors.push_back(std::move(tensor));
  return static_cast<TensorId>(tensors.size()) - 1;
}

namespace {

/// Fills in the attributes that may be left out; throws about one that is missing, unknown or of the wrong type.
Attributes complete(const OpDefinition& op, const std::string& name, Attributes attributes) {
  for (const auto& [key, value] : attributes) {
    const auto standard = op.defaults.find(key);
    const bool required = std::ranges::find(op.required, key) != op.required.end();
    if (!required && standard == op.defaults.end()) {
      throw std::invalid_argument(fmt::format("{}: {} has no attribute '{}'", name, op.name, key));
    }
    if (standard != op.defaults.end() && standard->second.index() != value.index()) {
      throw std::invalid_argument(fmt::format("{}: attribute '{}' of {} has the wrong type", name, key, op.name));
    }
  }
  for (const std::string& key : op.required) {
    if (!attributes.contains(key)) {
      throw std::invalid_argument(fmt::format("{}: {} needs the attribute '{}'", name, op.name, key));
    }
  }
  attributes.insert(op.defaults.begin(), op.defaults.end());
  return attributes;
}

}  // namespace

std::vector<TensorId> Graph::add_op(OpKind kind, std::string name, std::vector<TensorId> inputs, Attributes attributes,
                                    Phase phase) {
  const OpDefinition& defined = definition(kind);
  if (has_op(name)) {
    throw std::invalid_argument(fmt::format("{}: the graph has an op of this name already", name));
  }
  attributes = complete(defined, name, std::move(attributes));
  std::vector<Tensor> operands;
  for (const TensorId input : inputs) operands.push_back(tensor(input));
  std::vector<Tensor> results;
  try {
    results = defined.infer(operands, attributes);
  } catch (const std::bad_variant_access&) {
    throw std::invalid_argument(fmt::format("{}: an attribute of {} has the wrong type", name, defined.name));
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format("{}: {}: {}", name, defined.name, error.what()));
  }
  std::vector<TensorId> outputs;
  for (Tensor& result : results) {
    result.name = result.name.empty() ? name : fmt::format("{}.{}", name, result.name);
    result.role = Role::activation;
    outputs.push_back(add_tensor(std::move(result)));
  }
  names_.insert(name);
  ops.push_back({kind, std::move(name), phase, std::move(inputs), outputs, std::move(attributes)});
  return outputs;
}

TensorId Graph::storage(TensorId id) const {
  const auto update = std::ranges::find(updates, id, &Update::updated);
  return update == updates.end() ? id : update->persistent;
}

std::int64_t Graph::flops() const {
  std::int64_t sum = 0;
  for (const Op& op : ops) sum += graph::flops(*this, op);
  return sum;
}

std::int64_t Graph::parameters() const {
  std::int64_t sum = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.role == Role::parameter) sum += elements(tensor.shape);
  }
  return sum;
}

std::vector<TensorId> Graph::results() const {
  std::vector<TensorId> unread;
  if (loss >= 0) return unread;
  std::vector<bool> read(tensors.size(), false);
  for (const Op& op : ops) {
    for (const TensorId id : op.inputs) read[static_cast<std::size_t>(id)] = true;
  }
  for (const Update& update : updates) read[static_cast<std::size_t>(update.updated)] = true;
  const auto is_read = [&](TensorId id) { return static_cast<bool>(read[static_cast<std::size_t>(id)]); };
  for (const Op& op : ops) {
    // What a fused op delivers is wanted; of several ops one may be a result, another not.
    if (op.formula == nullptr && std::ranges::any_of(op.outputs, is_read)) continue;
    std::ranges::copy_if(op.outputs, std::back_inserter(unread), [&](TensorId id) { return !is_read(id); });
  }
  return unread;
}

std::string Graph::unique_name(const std::string& wanted) const {
  if (!has_op(wanted)) return wanted;
  int& n = next_.try_emplace(wanted, 2).first->second;  // numbers below are taken, which names do not change
  std::string name = fmt::format("{}.{}", wanted, n);
  while (has_op(name)) name = fmt::format("{}.{}", wanted, ++n);
  return name;
}

void Graph::replace_ops(std::vector<Op> with) {
  ops = std::move(with);
  names_.clear();
  next_.clear();
  for (const Op& op : ops) {
    if (!names_.insert(op.name).second) throw std::logic_error(op.name + ": two ops of this name");
  }
}

}  // namespace triad::graph
