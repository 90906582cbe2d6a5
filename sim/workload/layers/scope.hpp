#pragma once
#include <map>
#include <string>
#include <vector>

#include "sim/workload/layers/layer.hpp"

/// The list of layers of a workload: names, `from`, `blocks` and `repeat`.
namespace triad::workload {

/// Where a layer stands: names nest with '.', a name is looked for here first, then outwards.
struct Scope {
  std::string prefix;            ///< "" or "layer1.0"
  std::vector<TensorId> inputs;  ///< what `input` is (and `input.1`, ... where there are several)
  const Scope* outer = nullptr;

  std::string full(const std::string& name) const { return prefix.empty() ? name : prefix + "." + name; }
};

/// Builds the layers of lists, one after another.
class LayerList {
 public:
  /// Reads `blocks` of the workload.
  LayerList(Builder& builder, const config::Node& workload);
  /// Builds a list; returns what its last layer makes.
  TensorId build(const config::Node& list, const Scope& scope);
  /// The tensor of a name seen from a scope. Throws config::Error about `named` with the nearest known name.
  TensorId find(const config::Node& named, const std::string& name, const Scope& scope) const;

 private:
  struct Block {
    std::vector<std::string> parameters;
    config::Parameters defaults;
    config::Node layers;
  };

  TensorId item(const config::Node& node, std::size_t index, const Scope& scope, TensorId before);
  TensorId layer(const config::Node& node, const std::string& name, const Scope& scope, std::vector<TensorId> inputs);
  TensorId group(const config::Node& node, const std::string& name, const Scope& scope, std::vector<TensorId> inputs);
  /// One instance of a block or of a repeated list.
  TensorId instance(const config::Node& layers, const config::Parameters& parameters, const std::string& name,
                    const Scope& scope, std::vector<TensorId> inputs);
  std::string name_of(const config::Node& node, std::size_t index, const Scope& scope);
  std::vector<TensorId> inputs_of(const config::Node& node, const Scope& scope, TensorId before) const;

  Builder& builder_;
  std::map<std::string, Block> blocks_;
  std::map<std::string, std::string> names_;  ///< of layers and blocks so far, with the place of each
  int depth_ = 0;
};

}  // namespace triad::workload
