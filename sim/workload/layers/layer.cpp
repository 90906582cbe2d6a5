#include "sim/workload/layers/layer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace triad::workload {

TensorId Layer::op(OpKind kind, Attributes attributes) const {
  return builder.op(kind, of(graph::to_string(kind)), inputs, std::move(attributes));
}

void Layer::fail(const std::string& message) const {
  node.fail(fmt::format("layer '{}': {}", name, message));
}

std::int64_t Layer::integer(std::string_view key, std::int64_t least, std::int64_t most) const {
  return node.at(key).integer(least, most);
}
std::int64_t Layer::integer(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise) const {
  const auto found = node.find(key);
  return found ? found->integer(least, most) : otherwise;
}
double Layer::number(std::string_view key, double least, double most, double otherwise) const {
  const auto found = node.find(key);
  return found ? found->number(least, most) : otherwise;
}
bool Layer::flag(std::string_view key, bool otherwise) const {
  const auto found = node.find(key);
  return found ? found->boolean() : otherwise;
}

namespace {

/// An axis counted from 0, of a tensor of this rank.
std::int64_t read_axis(const config::Node& node, std::size_t rank) {
  const auto count = static_cast<std::int64_t>(rank);
  if (count == 0) node.fail("a scalar has no axes");
  const std::int64_t axis = node.integer(-count, count - 1);
  return axis < 0 ? axis + count : axis;
}

}  // namespace

std::int64_t Layer::axis(std::string_view key) const {
  return read_axis(node.at(key), rank());
}
std::int64_t Layer::axis(std::string_view key, std::int64_t otherwise) const {
  const auto found = node.find(key);
  if (found) return read_axis(*found, rank());
  return otherwise < 0 ? otherwise + static_cast<std::int64_t>(rank()) : otherwise;
}

std::vector<std::int64_t> Layer::axes(std::string_view key) const {
  const config::Node list = node.at(key);
  std::vector<std::int64_t> result;
  if (!list.is_list()) {
    result.push_back(read_axis(list, rank()));
  } else {
    for (const config::Node& item : list.items()) result.push_back(read_axis(item, rank()));
  }
  std::ranges::sort(result);
  if (result.empty()) list.fail("at least one axis");
  if (std::ranges::adjacent_find(result) != result.end()) list.fail("an axis stands here twice");
  return result;
}

std::vector<std::int64_t> Layer::numbers(std::string_view key, std::size_t count, std::int64_t least,
                                         std::int64_t most) const {
  const config::Node found = node.at(key);
  if (!found.is_list()) return std::vector<std::int64_t>(count, found.integer(least, most));
  std::vector<std::int64_t> result = list(key, least, most);
  if (result.size() != count) found.fail(fmt::format("one number, or {}, not {}", count, result.size()));
  return result;
}
std::vector<std::int64_t> Layer::numbers(std::string_view key, std::size_t count, std::int64_t least, std::int64_t most,
                                         std::int64_t otherwise) const {
  if (!node.find(key)) return std::vector<std::int64_t>(count, otherwise);
  return numbers(key, count, least, most);
}

std::vector<std::int64_t> Layer::list(std::string_view key, std::int64_t least, std::int64_t most) const {
  std::vector<std::int64_t> result;
  for (const config::Node& item : node.at(key).items()) result.push_back(item.integer(least, most));
  return result;
}

std::span<const LayerType> layer_types() {
  static const std::vector<LayerType> types = [] {
    std::vector<LayerType> all;
    for (const auto& table : {dense_layers(), element_wise_layers(), convolution_layers(), normalization_layers(),
                              pooling_layers(), shape_layers(), attention_layers(), recurrent_layers()}) {
      all.insert(all.end(), table.begin(), table.end());
    }
    return all;
  }();
  return types;
}

}  // namespace triad::workload
