#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "sim/numerics/format.hpp"

/// The graph that every device executes: static shapes, static single assignment, a small set of ops (op.hpp).
namespace triad::graph {

using Shape = std::vector<std::int64_t>;  ///< outermost dimension first; {} is a scalar
using TensorId = int;
using OpId = int;

/// Product of the dimensions (1 for a scalar).
std::int64_t elements(const Shape& shape);
/// "[64, 784]"
std::string to_string(const Shape& shape);

/// Where a tensor's value comes from.
enum class Role {
  input,       ///< given anew each step: a batch of data or targets, the learning rate, the number of the step
  constant,    ///< given once, never written: a mask, a position encoding, the gradient of the loss
  parameter,   ///< trained; persists from step to step
  state,       ///< optimizer state, running statistics; persists
  activation,  ///< made by an op of the step
};

struct Tensor {
  std::string name;
  Shape shape;
  numerics::Format format = numerics::Format::fp32;
  Role role = Role::activation;
  double fill = 0;  ///< of a constant or state: the value of every element, unless the job gives others
  std::int64_t bytes() const { return elements(shape) * numerics::bytes_of(format); }
};

enum class Phase { forward, backward, update };
std::string to_string(Phase phase);

enum class OpKind;  // op.hpp declares the ops
struct Formula;     // formula.hpp

using Attribute = std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>>;
using Attributes = std::map<std::string, Attribute>;

struct Op {
  OpKind kind;
  std::string name;  ///< unique in the graph, made of layer and role: "fc1.matmul", "fc1.weight.grad"
  Phase phase = Phase::forward;
  std::vector<TensorId> inputs, outputs;
  Attributes attributes;
  /// Made by fusion (passes.hpp) only. Of an op of kind `fused`: what it computes. Of a contraction: the epilogue
  /// applied to its result, which is the formula's operand 0, dense over a space that is the result's shape, axis by
  /// axis; the formula's further operands are the op's inputs behind the contraction's own two, and the op's outputs
  /// are the formula's results.
  std::shared_ptr<const Formula> formula = nullptr;
  /// Of an op made by fusion: the names of the ops that it stands for, in order, and their FLOPs in sum.
  std::vector<std::string> members = {};
  std::int64_t member_flops = 0;

  std::int64_t integer(const std::string& key) const { return std::get<std::int64_t>(attributes.at(key)); }
  double number(const std::string& key) const { return std::get<double>(attributes.at(key)); }
  bool flag(const std::string& key) const { return std::get<bool>(attributes.at(key)); }
  const std::vector<std::int64_t>& integers(const std::string& key) const {
    return std::get<std::vector<std::int64_t>>(attributes.at(key));
  }
};

/// Ops stand in an order in which they can be executed. A persistent tensor (parameter, state) is updated through
/// `updates`: after the step the value of `updated` is the value of `persistent`; both share one storage on a device.
struct Graph {
  std::vector<Tensor> tensors;
  std::vector<Op> ops;  ///< appended by add_op
  TensorId loss = -1;   ///< scalar fp32, or -1 when the graph is not trained
  struct Update {
    TensorId persistent, updated;
  };
  std::vector<Update> updates;

  TensorId add_tensor(Tensor tensor);
  /// Appends an op; infers its outputs' shapes and formats and adds them as activations, named after the op.
  /// Throws std::invalid_argument when the inputs do not fit the op (the message names op, shapes and what would be
  /// right).
  std::vector<TensorId> add_op(OpKind kind, std::string name, std::vector<TensorId> inputs, Attributes attributes = {},
                               Phase phase = Phase::forward);
  const Tensor& tensor(TensorId id) const { return tensors.at(static_cast<std::size_t>(id)); }
  /// The storage a tensor lives in: itself, or for an updated value the persistent tensor that it replaces.
  TensorId storage(TensorId id) const;
  /// Algorithmic FLOPs of one step: the sum over ops (op.hpp).
  std::int64_t flops() const;
  /// Number of trained scalars.
  std::int64_t parameters() const;
  /// What a graph without a loss is executed for: what ops make of which nothing is read (the places of a max_pool that
  /// is read are no result). Empty for a graph with a loss.
  std::vector<TensorId> results() const;
  /// Is there an op of this name?
  bool has_op(const std::string& name) const { return names_.contains(name); }
  /// A name no op has yet: `wanted`, or with a number behind it.
  std::string unique_name(const std::string& wanted) const;
  /// Puts other ops in the place of all (a pass); their tensors exist already.
  void replace_ops(std::vector<Op> with);

 private:
  std::unordered_set<std::string> names_;              ///< of the ops
  mutable std::unordered_map<std::string, int> next_;  ///< unique_name: the first number that may be free
};

}  // namespace triad::graph
