#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/graph/op.hpp"
#include "sim/workload/network.hpp"

/// What layers are built with.
namespace triad::workload {

using graph::Attributes;
using graph::OpKind;
using graph::Shape;
using graph::TensorId;
using numerics::Format;

/// Appends ops and tensors to the graph of a network. An op's name is `name`, or with a number behind it where that is
/// taken. Throws std::invalid_argument where operands do not fit.
class Builder {
 public:
  /// With `inference` layers behave as after training: running statistics, no dropout.
  Builder(Network& network, Format precision, bool values, bool inference = false)
      : network_(network), precision_(precision), values_(values), inference_(inference) {}

  Network& network() { return network_; }
  graph::Graph& graph() { return network_.graph; }
  Format precision() const { return precision_; }
  bool inference() const { return inference_; }
  const Shape& shape(TensorId id) const { return network_.graph.tensor(id).shape; }
  /// Extent of an axis; negative: from the end.
  std::int64_t extent(TensorId id, std::int64_t axis) const;

  /// Appends an op and returns its first output.
  TensorId op(OpKind kind, const std::string& name, std::vector<TensorId> inputs, Attributes attributes = {});
  /// The same, all outputs.
  std::vector<TensorId> outputs(OpKind kind, const std::string& name, std::vector<TensorId> inputs,
                                Attributes attributes = {});

  /// A trained tensor; while `freeze` is on, a constant with the same initial value.
  TensorId parameter(const std::string& name, Shape shape, Initial initial);
  /// Turns freezing on or off; returns what it was.
  bool freeze(bool on) { return std::exchange(frozen_, on); }
  TensorId state(const std::string& name, Shape shape, double fill);
  /// After the step `state` has the value of `updated`.
  void update(TensorId state, TensorId updated);
  /// A constant with the same value everywhere; one tensor per name.
  TensorId constant(const std::string& name, Shape shape, double fill, Format format = Format::fp32);
  /// A constant whose value a function makes when it is asked for; one tensor per name.
  TensorId constant(const std::string& name, Shape shape, std::function<device::HostTensor()> make,
                    Format format = Format::fp32);
  /// The int32 number of the step.
  TensorId step();

  /// The operand of a contraction: cast to the precision of the workload, once for all its readers.
  TensorId operand(TensorId id);
  /// a · b of the last two axes, operands in the workload's precision.
  TensorId product(const std::string& name, TensorId a, TensorId b, bool transpose_a = false, bool transpose_b = false);
  /// x Wᵀ + b over the last axis of x; bias -1: none.
  TensorId linear(const std::string& name, TensorId x, TensorId weight, TensorId bias);

  /// Nothing is done where the shape is that already.
  TensorId reshape(const std::string& name, TensorId x, Shape shape);
  TensorId transpose(const std::string& name, TensorId x, std::vector<std::int64_t> permutation);
  TensorId swap(const std::string& name, TensorId x, std::int64_t a, std::int64_t b);
  /// Elements [begin, end) of an axis, in steps.
  TensorId slice(const std::string& name, TensorId x, std::int64_t axis, std::int64_t begin, std::int64_t end,
                 std::int64_t step = 1);
  TensorId concat(const std::string& name, std::vector<TensorId> parts, std::int64_t axis);
  /// `before` and `after` elements of `value` along one axis.
  TensorId pad(const std::string& name, TensorId x, std::int64_t axis, std::int64_t before, std::int64_t after,
               double value);
  TensorId reduce(OpKind kind, const std::string& name, TensorId x, std::vector<std::int64_t> axes, bool keep = false);
  TensorId add(const std::string& name, TensorId a, TensorId b) { return op(OpKind::add, name, {a, b}); }
  TensorId scale(const std::string& name, TensorId x, double factor);
  TensorId offset(const std::string& name, TensorId x, double addend);

  /// Tensors that later layers may name: full name, "layer1.0.relu".
  void publish(const std::string& name, TensorId id) { named_[name] = id; }
  std::optional<TensorId> published(const std::string& name) const;
  const std::map<std::string, TensorId>& named() const { return named_; }

 private:
  std::int64_t axis_of(TensorId id, std::int64_t axis) const;

  Network& network_;
  Format precision_;
  bool values_, inference_;
  bool frozen_ = false;
  std::map<TensorId, TensorId> casts_;
  std::map<std::string, TensorId> constants_;
  std::map<std::string, TensorId> named_;
};

}  // namespace triad::workload
