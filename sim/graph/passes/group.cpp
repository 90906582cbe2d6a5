#include "sim/graph/passes/group.hpp"

#include <algorithm>
#include <map>
#include <numeric>

namespace triad::graph::passes {

Uses::Uses(const Graph& graph)
    : root(graph.tensors.size()),
      maker(graph.tensors.size(), -1),
      readers(graph.tensors.size()),
      kept(graph.tensors.size(), false),
      replaces(graph.tensors.size(), -1),
      replaced_by(graph.tensors.size(), -1) {
  std::iota(root.begin(), root.end(), 0);
  for (int i = 0; i < static_cast<int>(graph.ops.size()); ++i) {
    const Op& op = graph.ops[at(i)];
    if (family(op) == Family::view) {
      root[at(op.outputs[0])] = root[at(op.inputs[0])];
      continue;
    }
    for (const TensorId output : op.outputs) maker[at(output)] = i;
    for (const TensorId input : op.inputs) {
      std::vector<int>& list = readers[at(root[at(input)])];
      if (list.empty() || list.back() != i) list.push_back(i);
    }
  }
  if (graph.loss >= 0) kept[at(root[at(graph.loss)])] = true;
  for (const TensorId id : graph.results()) kept[at(root[at(id)])] = true;
  for (const auto& [persistent, updated] : graph.updates) {
    const TensorId value = root[at(updated)];
    kept[at(value)] = true;
    replaces[at(value)] = persistent;
    replaced_by[at(persistent)] = maker[at(value)];
  }
}

namespace {

bool is_reduction(const Term& term) {
  return term.function == Function::row_sum || term.function == Function::row_maximum;
}

/// Without axes of extent 1; a coordinate along one is 0.
Formula without_unit_axes(const Formula& formula) {
  Formula result;
  result.results = formula.results;
  result.strides.resize(formula.strides.size());
  std::vector<int> place(formula.space.size(), -1);
  for (std::size_t axis = 0; axis < formula.space.size(); ++axis) {
    if (formula.space[axis] == 1) continue;
    place[axis] = static_cast<int>(result.space.size());
    result.space.push_back(formula.space[axis]);
    result.reduced.push_back(formula.reduced[axis]);
    for (std::size_t i = 0; i < formula.strides.size(); ++i) result.strides[i].push_back(formula.strides[i][axis]);
  }
  for (Term term : formula.terms) {
    if (term.function == Function::coordinate) {
      const int axis = place[at(term.arguments[0])];
      term = axis == -1 ? Term{Function::constant, {-1, -1, -1}, 0} : Term{Function::coordinate, {axis, -1, -1}, 0};
    }
    result.terms.push_back(term);
  }
  return result;
}

/// Row-major strides over the axes that are not `skipped`, 0 along those.
std::vector<std::int64_t> dense(const Shape& space, const std::vector<bool>& skipped) {
  std::vector<std::int64_t> strides(space.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t axis = space.size(); axis-- > 0;) {
    if (skipped[axis]) continue;
    strides[axis] = stride;
    stride *= space[axis];
  }
  return strides;
}

/// The space of rows: the axes that are not reduced.
Shape rows_of(const Group& group) {
  Shape rows;
  for (std::size_t axis = 0; axis < group.space.size(); ++axis) {
    if (!group.reduced[axis]) rows.push_back(group.space[axis]);
  }
  return rows;
}

/// A formula over the rows of `whole`, as a formula over its space: one value per row.
Formula spread(const Formula& formula, const Group& whole) {
  Formula result;
  result.space = whole.space;
  result.reduced = whole.reduced;
  result.terms = formula.terms;
  std::vector<int> place;  // of an axis of the rows
  for (std::size_t axis = 0; axis < whole.space.size(); ++axis) {
    if (!whole.reduced[axis]) place.push_back(static_cast<int>(axis));
  }
  for (const auto& strides : formula.strides) {
    std::vector<std::int64_t> wide(whole.space.size(), 0);
    for (std::size_t i = 0; i < place.size(); ++i) wide[at(place[i])] = strides[i];
    result.strides.push_back(std::move(wide));
  }
  for (Term& term : result.terms) {
    if (term.function == Function::coordinate) term.arguments[0] = place[at(term.arguments[0])];
  }
  for (const Formula::Result& made : formula.results) result.results.push_back({made.term, true});
  return result;
}

void append(Group& to, const Group& from) {
  to.ops.insert(to.ops.end(), from.ops.begin(), from.ops.end());
  std::ranges::sort(to.ops);
  to.members.insert(to.members.end(), from.members.begin(), from.members.end());
  std::ranges::sort(to.members, {}, &Member::op);
  to.contraction = std::max(to.contraction, from.contraction);
  to.drawn = to.drawn || from.drawn;
}

}  // namespace

Group group_of(const Graph& graph, int index) {
  const Op& op = graph.ops[at(index)];
  Group group;
  group.ops = {index};
  if (family(op) == Family::contraction) {
    group.contraction = index;
    group.space = graph.tensor(op.outputs[0]).shape;
    std::erase(group.space, 1);
    group.reduced.assign(group.space.size(), false);
    return group;
  }
  std::vector<Tensor> inputs;
  for (const TensorId id : op.inputs) inputs.push_back(graph.tensor(id));
  Formula formula =
      without_unit_axes(op.kind == OpKind::fused ? *op.formula : definition(op.kind).formula(inputs, op.attributes));
  group.space = formula.space;
  group.reduced = formula.reduced;
  const bool any = std::ranges::find(formula.reduced, true) != formula.reduced.end();
  group.bound = std::ranges::any_of(formula.terms, is_reduction) ||
                (any && std::ranges::any_of(formula.results, &Formula::Result::per_row));
  group.drawn = std::ranges::find(formula.terms, Function::uniform, &Term::function) != formula.terms.end();
  group.members.push_back({index, std::move(formula)});
  return group;
}

std::optional<Group> joined(const Group& a, const Group& b, std::int64_t least_rows) {
  if (a.contraction != -1 && b.contraction != -1) return std::nullopt;
  const bool epilogue = a.contraction != -1 || b.contraction != -1;
  if (epilogue && (a.bound || b.bound)) return std::nullopt;
  if (a.space == b.space && !(a.bound && b.bound && a.reduced != b.reduced)) {
    const Group& fixed = a.bound ? a : b;
    if (a.bound != b.bound && elements(rows_of(fixed)) < least_rows) return std::nullopt;
    Group result = a;
    append(result, b);
    result.bound = a.bound || b.bound;
    result.reduced = fixed.reduced;
    return result;
  }
  for (const auto& [whole, rows] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
    const bool fits = whole->bound && !rows->bound && !rows->drawn && rows->space == rows_of(*whole);
    if (!fits) continue;
    Group small = *rows, result = *whole;
    for (Member& member : small.members) member.formula = spread(member.formula, *whole);
    append(result, small);
    return result;
  }
  return std::nullopt;
}

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
