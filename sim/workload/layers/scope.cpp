#include "sim/workload/layers/scope.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace triad::workload {
namespace {

constexpr int deepest = 32;  ///< blocks within blocks
constexpr std::int64_t most_repetitions = 100'000;

bool plain(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

const LayerType& type_of(const config::Node& node) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const LayerType& type : layer_types()) result.emplace_back(type.name);
    return result;
  }();
  const config::Node type = node.at("type");
  const std::string name = type.text();
  const auto found = std::ranges::find(layer_types(), name, &LayerType::name);
  if (found != layer_types().end()) return *found;
  // A near name is enough; all of them only where none is near.
  const std::string near = config::nearest(name, names);
  type.fail(near.empty() ? fmt::format("'{}' is no type of layer; there are {}", name, fmt::join(names, ", "))
                         : fmt::format("'{}' is no type of layer; did you mean {}?", name, near));
}

}  // namespace

LayerList::LayerList(Builder& builder, const config::Node& workload) : builder_(builder) {
  const auto blocks = workload.find("blocks");
  if (!blocks) return;
  for (const std::string& name : blocks->keys()) {
    const config::Node node = blocks->at(name);
    Block block{{}, {}, node.at("layers")};
    if (!block.layers.is_list()) block.layers.items();  // the error says so
    if (const auto parameters = node.find("parameters")) {
      for (const config::Node& parameter : parameters->items()) {
        const std::string key = parameter.text();
        static const std::set<std::string> taken = {"block", "name", "from", "repeat", "first", "frozen", "index"};
        if (taken.contains(key)) {
          parameter.fail(fmt::format("'{}' is a key of every block and cannot be a parameter", key));
        }
        block.parameters.push_back(key);
      }
    }
    if (const auto defaults = node.find("defaults")) {
      for (const std::string& key : defaults->keys()) {
        const config::Node value = defaults->at(key);
        if (std::ranges::find(block.parameters, key) == block.parameters.end()) {
          value.fail(fmt::format("'{}' is none of the block's parameters: {}", key, fmt::join(block.parameters, ", ")));
        }
        config::mark_read(value);
        block.defaults.emplace(key, value);
      }
    }
    config::mark_read(block.layers);
    blocks_.emplace(name, std::move(block));
  }
}

TensorId LayerList::find(const config::Node& named, const std::string& name, const Scope& scope) const {
  for (const Scope* at = &scope; at != nullptr; at = at->outer) {
    if (const auto found = builder_.published(at->full(name))) return *found;
    for (std::size_t i = 0; i < at->inputs.size(); ++i) {
      if (name == fmt::format("input.{}", i) || (i == 0 && name == "input")) return at->inputs[i];
    }
  }
  std::vector<std::string> known;
  for (const auto& [full, id] : builder_.named()) {
    known.push_back(full);
    if (full.size() > scope.prefix.size() && full.starts_with(scope.prefix) && !scope.prefix.empty()) {
      known.push_back(full.substr(scope.prefix.size() + 1));
    }
  }
  const std::string near = config::nearest(name, known);
  named.fail(
      fmt::format("nothing before this is called '{}'{}", name, near.empty() ? "" : "; did you mean " + near + "?"));
}

std::vector<TensorId> LayerList::inputs_of(const config::Node& node, const Scope& scope, TensorId before) const {
  const auto from = node.find("from");
  if (!from) return {before};
  if (!from->is_list()) return {find(*from, from->text(), scope)};
  std::vector<TensorId> result;
  for (const config::Node& item : from->items()) result.push_back(find(item, item.text(), scope));
  if (result.empty()) from->fail("names at least one layer");
  return result;
}

std::string LayerList::name_of(const config::Node& node, std::size_t index, const Scope& scope) {
  const auto given = node.find("name");
  const std::string name = given ? given->text() : std::to_string(index);
  const config::Node& place = given ? *given : node;
  if (!plain(name)) place.fail("a layer's name is made of letters, digits, '_', '-' and '.'");
  if (name == "input" || name.starts_with("input.")) place.fail("'input' is what the first layer reads; another name");
  const std::string full = scope.full(name);
  const auto [other, added] = names_.emplace(full, node.where());
  if (!added) place.fail(fmt::format("two layers have the name '{}'; the other is at {}", full, other->second));
  return full;
}

TensorId LayerList::build(const config::Node& list, const Scope& scope) {
  const std::vector<config::Node> items = list.items();
  TensorId current = scope.inputs.at(0);
  for (std::size_t i = 0; i < items.size(); ++i) current = item(items[i], i, scope, current);
  return current;
}

TensorId LayerList::item(const config::Node& node, std::size_t index, const Scope& scope, TensorId before) {
  const bool group_of_layers = node.find("block") || node.find("repeat");
  if (!group_of_layers) node.at("type");  // an item without any of them lacks a type
  const std::string name = name_of(node, index, scope);
  std::vector<TensorId> inputs = inputs_of(node, scope, before);
  const TensorId made =
      group_of_layers ? group(node, name, scope, std::move(inputs)) : layer(node, name, scope, std::move(inputs));
  builder_.publish(name, made);
  return made;
}

TensorId LayerList::layer(const config::Node& node, const std::string& name, const Scope& scope,
                          std::vector<TensorId> inputs) {
  const LayerType& type = type_of(node);
  const auto find_named = [&](const config::Node& named) { return find(named, named.text(), scope); };
  const Layer layer{builder_, node, name, std::move(inputs), find_named};
  if (layer.inputs.size() < type.least_inputs || layer.inputs.size() > type.most_inputs) {
    const std::string right = type.least_inputs == type.most_inputs ? std::to_string(type.least_inputs)
                              : type.most_inputs == any_number
                                  ? fmt::format("{} or more", type.least_inputs)
                                  : fmt::format("{} to {}", type.least_inputs, type.most_inputs);
    layer.fail(fmt::format("{} reads {} tensors, not {}: name them under from: [a, b]", type.name, right,
                           layer.inputs.size()));
  }
  try {
    return type.build(layer);
  } catch (const std::invalid_argument& error) {
    layer.fail(error.what());
  }
}

TensorId LayerList::group(const config::Node& node, const std::string& name, const Scope& scope,
                          std::vector<TensorId> inputs) {
  if (depth_ == deepest) node.fail(fmt::format("blocks within blocks, more than {} deep", deepest));
  ++depth_;
  const auto block_name = node.find("block");
  const Block* block = nullptr;
  if (block_name) {
    std::vector<std::string> known;
    for (const auto& [key, value] : blocks_) known.push_back(key);
    if (known.empty()) block_name->fail("the workload has no blocks");
    block = &blocks_.at(block_name->choice(known));
  }
  config::Parameters parameters, given;
  if (block) {
    parameters = block->defaults;
    for (const std::string& key : block->parameters) {
      const auto value = node.find(key);
      if (!value && !parameters.contains(key)) node.at(key);  // missing: the error names it
      if (!value) continue;
      config::mark_read(*value);
      parameters.insert_or_assign(key, *value);
      given.emplace(key, *value);
    }
  }
  const auto repeat = node.find("repeat");
  const bool single = !block && node.find("type");  // one layer, repeated
  const config::Node layers = block ? block->layers : single ? node : node.at("layers");
  const auto frozen = node.find("frozen");
  const bool before = builder_.freeze(false);
  builder_.freeze(before || (frozen && frozen->boolean()));
  TensorId current = -1;
  if (!repeat) {
    current = instance(layers, parameters, name, scope, std::move(inputs));
  } else {
    const auto first_node = node.find("first");
    const std::int64_t first = first_node ? first_node->integer(0, most_repetitions) : 0;
    const std::int64_t count = repeat->integer(1, most_repetitions);
    for (std::int64_t i = first; i < first + count; ++i) {
      const config::Parameters index = {{"index", config::number_node(*repeat, i)}};
      parameters.insert_or_assign("index", index.at("index"));
      for (const auto& [key, value] : given) parameters.insert_or_assign(key, config::substituted(value, index));
      const std::string full = fmt::format("{}.{}", name, i);
      if (const auto [other, added] = names_.emplace(full, node.where()); !added) {
        node.fail(fmt::format("two layers have the name '{}'; the other is at {}", full, other->second));
      }
      if (single) {
        const config::Node copy = config::substituted(node, parameters);
        for (const char* key : {"repeat", "first", "frozen", "name", "from"}) copy.find(key);
        current = layer(copy, full, scope, inputs);
        copy.reject_unread();
      } else {
        current = instance(layers, parameters, full, scope, inputs);
      }
      builder_.publish(full, current);
      inputs[0] = current;
    }
    if (!block) config::mark_read(layers);  // copies of it were read
  }
  builder_.freeze(before);
  --depth_;
  return current;
}

TensorId LayerList::instance(const config::Node& layers, const config::Parameters& parameters, const std::string& name,
                             const Scope& scope, std::vector<TensorId> inputs) {
  const config::Node copy = config::substituted(layers, parameters);
  const TensorId made = build(copy, {name, std::move(inputs), &scope});
  copy.reject_unread();
  return made;
}

}  // namespace triad::workload
