#pragma once
#include <optional>
#include <vector>

#include "sim/graph/passes.hpp"

/// What fuse() is made of: ops gathered over one space, and the formula that they make together.
namespace triad::graph::passes {

inline std::size_t at(int id) {
  return static_cast<std::size_t>(id);
}

/// What the whole graph says about its tensors, by tensor. A value is known by its root: views are looked through.
struct Uses {
  explicit Uses(const Graph& graph);
  std::vector<TensorId> root;
  std::vector<int> maker;                 ///< of a root: the op, or -1
  std::vector<std::vector<int>> readers;  ///< of a root: ops other than views, ascending
  std::vector<bool> kept;                 ///< of a root: loss, updated value, or result of a graph without loss
  std::vector<TensorId> replaces;         ///< of a root: the persistent tensor that it replaces, or -1
  std::vector<int> replaced_by;           ///< of a persistent tensor: the op that makes its new value, or -1
};

/// A formula op over a space without axes of extent 1.
struct Member {
  int op = -1;
  Formula formula;
};

/// Formula ops over one space; at most one contraction before them, whose result they take on.
struct Group {
  std::vector<int> ops;  ///< ascending, the contraction among them
  int contraction = -1;
  std::vector<Member> members;  ///< ascending by op
  Shape space;
  std::vector<bool> reduced;  ///< meaningful when `bound`
  bool bound = false;         ///< a member reduces rows, so `reduced` is fixed
  bool drawn = false;         ///< a member draws uniform numbers by the index of its points
};

/// Can this op be a member? Formula ops, and a broadcast of fp32 values, whose readers repeat its operand themselves.
bool has_formula(const Graph& graph, const Op& op);
/// The group of a single op: a formula op, or a contraction (whose space is that of its result).
Group group_of(const Graph& graph, int op);

/// Members of both over one space, or nothing when they do not cover the same points. `least_rows` as in Fusion.
std::optional<Group> joined(const Group& a, const Group& b, std::int64_t least_rows);

/// A group as one op.
struct Build {
  Formula formula;  ///< over Group::space
  std::vector<TensorId> inputs, outputs;
};
/// The op that computes a group, or nothing when a value is not read as it was made. `inside`: by op, is it in the
/// group?
std::optional<Build> build(const Graph& graph, const Uses& uses, const Group& group, const std::vector<bool>& inside);

}  // namespace triad::graph::passes
