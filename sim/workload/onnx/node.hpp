#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/workload/layers/builder.hpp"
#include "sim/workload/onnx/model.hpp"

namespace onnx {
class AttributeProto;
class NodeProto;
}  // namespace onnx

/// What the builders of operators work with: the values of a model and one of its nodes.
namespace triad::workload::onnx_import {

/// A value of the model: known at import, or a tensor of the graph. What is known becomes a tensor where an op of the
/// graph reads it: a weight a parameter, anything else a constant.
struct Value {
  std::string name;
  std::shared_ptr<const Constant> constant;
  bool weight = false;   ///< trained: nothing is computed from it at import
  TensorId tensor = -1;  ///< -1: none (yet)
};
using ValuePtr = std::shared_ptr<Value>;
/// The values by name; "" is no value.
struct Values : std::map<std::string, ValuePtr> {
  int made = 0;  ///< values computed within a node, which need names of their own
};

/// One node of the model. Indices of inputs and outputs are those of the operator's definition. Everything that is
/// wrong with a node is thrown as OnnxError by fail(), with the node's name and operator.
class Node {
 public:
  Node(const onnx::NodeProto& proto, std::string name, std::int64_t opset, Values& values, Builder& builder);

  Builder& builder() const { return builder_; }
  std::int64_t opset() const { return opset_; }
  const std::string& name() const { return name_; }
  std::string of(const std::string& part) const { return name_ + "." + part; }
  std::string type() const;
  [[noreturn]] void fail(const std::string& message) const;

  std::size_t inputs() const;
  bool has(std::size_t input) const;
  ValuePtr value(std::size_t input) const;  ///< fails where it is absent
  Shape shape(std::size_t input) const { return shape(*value(input)); }
  Shape shape(const Value& value) const;
  std::size_t rank(std::size_t input) const { return shape(input).size(); }
  /// The value if it is known and may be computed with at import, else nullptr.
  const Constant* known(std::size_t input) const;
  static const Constant* known(const Value& value) { return value.weight ? nullptr : value.constant.get(); }
  /// What must be known: sizes, axes, ratios. Fails where it is not; `what` names it in the message.
  const Constant& constant(std::size_t input, const std::string& what) const;
  std::vector<std::int64_t> integers(std::size_t input, const std::string& what) const;
  double number(std::size_t input, const std::string& what) const;
  /// As a tensor of the graph; a constant that is no weight is added as one.
  TensorId tensor(std::size_t input) const { return tensor(*value(input)); }
  TensorId tensor(Value& value) const;

  bool has_attribute(const std::string& key) const { return find(key) != nullptr; }
  std::int64_t integer(const std::string& key, std::int64_t otherwise) const;
  double number(const std::string& key, double otherwise) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::optional<std::vector<std::int64_t>> list(const std::string& key) const;
  std::optional<Constant> stored(const std::string& key) const;  ///< an attribute of type tensor
  std::optional<std::vector<float>> reals(const std::string& key) const;
  /// Attributes that would change the meaning and are not read: fails unless they have the value of no effect.
  void require(const std::string& key, std::int64_t value) const;

  /// An axis of a value of this rank, counted from 0.
  std::size_t axis(std::int64_t axis, std::size_t rank) const;
  std::vector<std::int64_t> axes(const std::vector<std::int64_t>& axes, std::size_t rank) const;  ///< and ascending

  std::size_t outputs() const;
  bool wants(std::size_t output) const;  ///< does the output have a name?
  void deliver(TensorId tensor, std::size_t output = 0) const;
  void deliver(Constant constant, std::size_t output = 0) const;
  void deliver(ValuePtr value, std::size_t output = 0) const;

  /// A movement op or a reshape, computed at once where all operands are known.
  ValuePtr move(OpKind kind, const std::string& part, const std::vector<ValuePtr>& operands,
                const Attributes& attributes) const;
  ValuePtr reshape(const ValuePtr& value, const Shape& shape) const;
  ValuePtr slice(const ValuePtr& value, std::size_t axis, std::int64_t begin, std::int64_t end,
                 std::int64_t step = 1) const;
  ValuePtr transpose(const ValuePtr& value, const std::vector<std::int64_t>& permutation) const;
  ValuePtr concat(const std::vector<ValuePtr>& values, std::size_t axis) const;

 private:
  const onnx::AttributeProto* find(const std::string& key) const;

  const onnx::NodeProto& proto_;
  std::string name_;
  std::int64_t opset_;
  Values& values_;
  Builder& builder_;
};

/// The op that makes a tensor, or nullptr.
const graph::Op* maker(const graph::Graph& graph, TensorId tensor);

}  // namespace triad::workload::onnx_import
