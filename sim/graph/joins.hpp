#pragma once
#include <map>
#include <span>
#include <vector>

#include "sim/graph/op.hpp"

/// What reverse accumulation (training.hpp) puts off until all contributions to a tensor's gradient are known, because
/// together they take less than one by one: what recurrent layers need, whose steps read slices of one tensor and share
/// one weight.
namespace triad::graph {

/// Gradients of slices of one tensor: neighbouring slices make one concat instead of a pad each, which would take as
/// many passes over the whole tensor as it has slices.
class Slices {
 public:
  /// Takes the gradient of a slice's result; false where the op is another, or slices several axes or in steps.
  bool take(const Graph& graph, const Op& op, TensorId gradient);
  /// The gradients of the tensor that its slices make together; each has its shape.
  std::vector<TensorId> join(Graph& graph, TensorId tensor);

 private:
  struct Part {
    std::size_t axis;
    std::int64_t begin, end;
    TensorId gradient;
  };
  static TensorId whole(Graph& graph, TensorId tensor, const std::vector<Part>& run);

  std::map<TensorId, std::vector<Part>> parts_;
};

/// Gradients of a weight W that several products A Wᵀ of matrices share: the sum of dCᵀ A over all of them is one
/// product of the rows of all dC with the rows of all A, as frameworks compute that of a recurrent layer.
class Products {
 public:
  explicit Products(const Graph& graph);
  /// Takes the part of the gradient that W has of this op, C = A Wᵀ with dC given; false where the op is another, or
  /// the only one that multiplies by W.
  bool take(const Op& op, TensorId gradient);
  /// The gradient of the tensor that its products make together; -1 where there is none.
  TensorId join(Graph& graph, TensorId tensor);

 private:
  struct Part {
    TensorId rows, gradient;  ///< A and dC
  };
  std::vector<int> uses_;  ///< by tensor: how many such products it is W of
  std::map<TensorId, std::vector<Part>> parts_;
};

}  // namespace triad::graph
