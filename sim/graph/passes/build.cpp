#include <algorithm>
#include <map>

#include "sim/graph/passes/group.hpp"
#include "sim/graph/passes/space.hpp"

namespace triad::graph::passes {
namespace {

/// Puts the members of a group together, one after the other.
class Builder {
 public:
  Builder(const Graph& graph, const Uses& uses, const Group& group, const std::vector<bool>& inside)
      : graph_(graph), uses_(uses), group_(group), inside_(inside) {
    formula().space = group.space;
    formula().reduced.assign(group.space.size(), false);
    if (group.bound) formula().reduced = group.reduced;
  }

  std::optional<Build> run() {
    if (group_.contraction != -1 && !add_contraction()) return std::nullopt;
    for (const Member& member : group_.members) {
      if (!add(member)) return std::nullopt;
    }
    if (!updates_in_place()) return std::nullopt;
    if (group_.contraction != -1) {
      const Op& op = graph_.ops[at(group_.contraction)];
      auto whole = over_shape(formula(), graph_.tensor(op.outputs[0]).shape);
      if (!whole) return std::nullopt;
      formula() = std::move(*whole);
    }
    return std::move(result_);
  }

 private:
  struct Value {
    int term;
    bool per_row;
  };
  Formula& formula() { return result_.formula; }

  std::vector<std::int64_t> strides_of(bool per_row) {
    return dense(group_.space, per_row ? formula().reduced : std::vector<bool>(group_.space.size(), false));
  }

  int operand(TensorId id, const std::vector<std::int64_t>& strides) {
    const auto [slot, fresh] =
        slots_.try_emplace({uses_.root[at(id)], strides}, static_cast<int>(formula().strides.size()));
    if (fresh) {
      formula().strides.push_back(strides);
      result_.inputs.push_back(id);
    }
    return formula().add({Function::operand, {slot->second, -1, -1}});
  }

  /// Is a value made here wanted elsewhere?
  bool delivered(TensorId root) const {
    return uses_.kept[at(root)] ||
           std::ranges::any_of(uses_.readers[at(root)], [&](int reader) { return !inside_[at(reader)]; });
  }

  void make(TensorId id, int term, bool per_row) {
    made_[id] = {term, per_row};
    if (!delivered(id)) return;
    formula().results.push_back({term, per_row});
    result_.outputs.push_back(id);
  }

  /// Its result is operand 0; what it reads itself cannot be made by its epilogue.
  bool add_contraction() {
    const Op& op = graph_.ops[at(group_.contraction)];
    for (const TensorId input : op.inputs) {
      const int maker = uses_.maker[at(uses_.root[at(input)])];
      if (maker != -1 && inside_[at(maker)]) return false;
    }
    make(op.outputs[0], operand(op.outputs[0], strides_of(false)), false);
    return true;
  }

  bool add(const Member& member) {
    const Op& op = graph_.ops[at(member.op)];
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {  // in the op's order
      if (!made_.contains(uses_.root[at(op.inputs[i])])) operand(op.inputs[i], member.formula.strides[i]);
    }
    std::vector<int> place;  // of the member's terms
    for (Term term : member.formula.terms) {
      if (term.function == Function::operand) {
        const std::size_t number = at(term.arguments[0]);
        const std::vector<std::int64_t>& strides = member.formula.strides[number];
        const auto inner = made_.find(uses_.root[at(op.inputs[number])]);
        if (inner == made_.end()) {
          place.push_back(operand(op.inputs[number], strides));
          continue;
        }
        const bool rounded = graph_.tensor(inner->first).format != numerics::Format::fp32;
        const bool of_contraction = group_.contraction != -1 && uses_.maker[at(inner->first)] == group_.contraction;
        if ((rounded && !of_contraction) || strides != strides_of(inner->second.per_row)) return false;
        place.push_back(inner->second.term);
        continue;
      }
      for (int i = 0; i < arity(term.function); ++i) term.arguments[at(i)] = place[at(term.arguments[at(i)])];
      place.push_back(formula().add(term));
    }
    for (std::size_t i = 0; i < op.outputs.size(); ++i) {
      const Formula::Result& made = member.formula.results[i];
      make(op.outputs[i], place[at(made.term)], made.per_row);
    }
    return true;
  }

  /// A new value overwrites the old one point by point: what is read of the old one is read at the point that it is
  /// written for. A contraction's result that was not fp32 cannot be kept beside its epilogue.
  bool updates_in_place() {
    for (std::size_t i = 0; i < result_.outputs.size(); ++i) {
      const TensorId old = uses_.replaces[at(result_.outputs[i])];
      if (old == -1) continue;
      const auto written = strides_of(formula().results[i].per_row);
      for (const auto& [key, slot] : slots_) {
        if (key.first == old && key.second != written) return false;
      }
    }
    if (group_.contraction == -1) return true;
    const TensorId product = graph_.ops[at(group_.contraction)].outputs[0];
    return graph_.tensor(product).format == numerics::Format::fp32 ||
           std::ranges::find(result_.outputs, product) == result_.outputs.end();
  }

  const Graph& graph_;
  const Uses& uses_;
  const Group& group_;
  const std::vector<bool>& inside_;
  Build result_;
  std::map<TensorId, Value> made_;                                       // by root
  std::map<std::pair<TensorId, std::vector<std::int64_t>>, int> slots_;  // operands, by root and strides
};

}  // namespace

std::optional<Build> build(const Graph& graph, const Uses& uses, const Group& group, const std::vector<bool>& inside) {
  return Builder(graph, uses, group, inside).run();
}

}  // namespace triad::graph::passes
