#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/workload/layers/builder.hpp"

/// The types of layer: each is one entry of a table, with the function that builds it.
namespace triad::workload {

/// What the function of a layer type is given.
struct Layer {
  Builder& builder;
  const config::Node& node;      ///< its keys
  std::string name;              ///< "layer1.0.conv1"
  std::vector<TensorId> inputs;  ///< what it reads: `from`, or the layer before
  /// The tensor of a name as `from` has it; the node is what errors point at.
  std::function<TensorId(const config::Node& named)> find;

  TensorId input() const { return inputs[0]; }
  const Shape& shape() const { return builder.shape(inputs[0]); }
  std::size_t rank() const { return shape().size(); }
  /// "layer1.0.conv1.weight"
  std::string of(std::string_view part) const { return name + "." + std::string(part); }
  /// Appends the one op of a layer that is one op: "layer1.0.relu.relu".
  TensorId op(OpKind kind, Attributes attributes = {}) const;
  /// Throws config::Error about the layer.
  [[noreturn]] void fail(const std::string& message) const;

  // Keys with the value that stands where one is absent.
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most, std::int64_t otherwise) const;
  double number(std::string_view key, double least, double most, double otherwise) const;
  bool flag(std::string_view key, bool otherwise) const;
  /// One of the input's axes; negative: from the end. Counted from 0.
  std::int64_t axis(std::string_view key) const;
  std::int64_t axis(std::string_view key, std::int64_t otherwise) const;
  /// Several axes, ascending, each once.
  std::vector<std::int64_t> axes(std::string_view key) const;
  /// A number for all of `count` axes, or a list of as many.
  std::vector<std::int64_t> numbers(std::string_view key, std::size_t count, std::int64_t least,
                                    std::int64_t most) const;
  std::vector<std::int64_t> numbers(std::string_view key, std::size_t count, std::int64_t least, std::int64_t most,
                                    std::int64_t otherwise) const;
  /// A list of whole numbers of any length.
  std::vector<std::int64_t> list(std::string_view key, std::int64_t least, std::int64_t most) const;
};

constexpr std::size_t any_number = 1000;  ///< of inputs

struct LayerType {
  std::string_view name;
  std::string_view keys;  ///< beside type, name and from; those in brackets may be left out
  std::size_t least_inputs, most_inputs;
  TensorId (*build)(const Layer& layer);
};

/// All types, in the order of the README.
std::span<const LayerType> layer_types();

// The tables that layer_types joins, one a file.
std::vector<LayerType> dense_layers();
std::vector<LayerType> element_wise_layers();
std::vector<LayerType> convolution_layers();
std::vector<LayerType> normalization_layers();
std::vector<LayerType> pooling_layers();
std::vector<LayerType> shape_layers();
std::vector<LayerType> attention_layers();
std::vector<LayerType> recurrent_layers();

}  // namespace triad::workload
