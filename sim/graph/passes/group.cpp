#include "sim/graph/passes/group.hpp"

#include <algorithm>
#include <numeric>

#include "sim/graph/passes/space.hpp"

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

/// What an op computes, not simplified. A broadcast is a formula, too: its operand, repeated.
Formula formula_over_all_axes(const Graph& graph, const Op& op) {
  if (op.kind == OpKind::fused) return *op.formula;
  if (op.kind == OpKind::broadcast) {
    const Shape& shape = graph.tensor(op.outputs[0]).shape;
    Formula formula{shape, std::vector<bool>(shape.size(), false), {}, {}, {}};
    formula.strides.push_back(broadcast_strides(graph.tensor(op.inputs[0]).shape, shape));
    formula.results.push_back({formula.add({Function::operand, {0, -1, -1}, 0}), false});
    return formula;
  }
  std::vector<Tensor> inputs;
  for (const TensorId id : op.inputs) inputs.push_back(graph.tensor(id));
  return definition(op.kind).formula(inputs, op.attributes);
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

/// The group over a refinement of its space.
std::optional<Group> refined(const Group& group, const Shape& space) {
  if (group.space == space) return group;
  Group result = group;
  result.reduced = split(group.reduced, origins(group.space, space));
  result.space = space;
  for (Member& member : result.members) {
    auto formula = split(member.formula, space);
    if (!formula) return std::nullopt;
    member.formula = std::move(*formula);
  }
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

bool has_formula(const Graph& graph, const Op& op) {
  const bool repeats = op.kind == OpKind::broadcast && graph.tensor(op.inputs[0]).format == numerics::Format::fp32;
  return family(op) == Family::formula || repeats;
}

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
  Formula formula = without_unit_axes(formula_over_all_axes(graph, op));
  group.space = formula.space;
  group.reduced = formula.reduced;
  const bool any = std::ranges::find(formula.reduced, true) != formula.reduced.end();
  group.bound = std::ranges::any_of(formula.terms, is_reduction) ||
                (any && std::ranges::any_of(formula.results, &Formula::Result::per_row));
  group.drawn = std::ranges::find(formula.terms, Function::uniform, &Term::function) != formula.terms.end();
  group.members.push_back({index, std::move(formula)});
  return group;
}

namespace {

/// Over one space, which both cover.
std::optional<Group> joined_whole(const Group& a, const Group& b, std::int64_t least_rows) {
  if (a.bound && b.bound && a.reduced != b.reduced) return std::nullopt;
  const Group& fixed = a.bound ? a : b;
  if (a.bound != b.bound && elements(rows_of(fixed)) < least_rows) return std::nullopt;
  Group result = a;
  append(result, b);
  result.bound = a.bound || b.bound;
  result.reduced = fixed.reduced;
  return result;
}

/// `rows` covers the rows of `whole`.
std::optional<Group> joined_rows(const Group& whole, const Group& rows) {
  if (!whole.bound || rows.bound || rows.drawn) return std::nullopt;
  const auto space = common_refinement(rows_of(whole), rows.space);
  if (!space) return std::nullopt;
  Shape fine;  // of the whole: its rows refined, its reduced axes as they are
  std::size_t next = 0;
  for (std::size_t axis = 0; axis < whole.space.size(); ++axis) {
    std::int64_t points = 1;
    while (!whole.reduced[axis] && points < whole.space[axis]) {
      fine.push_back((*space)[next]);
      points *= (*space)[next++];
    }
    if (whole.reduced[axis]) fine.push_back(whole.space[axis]);
  }
  std::optional<Group> result = refined(whole, fine);
  const std::optional<Group> small = refined(rows, *space);
  if (!result || !small) return std::nullopt;
  Group members = *small;
  for (Member& member : members.members) member.formula = spread(member.formula, *result);
  append(*result, members);
  return result;
}

}  // namespace

std::optional<Group> joined(const Group& a, const Group& b, std::int64_t least_rows) {
  if (a.contraction != -1 && b.contraction != -1) return std::nullopt;
  const bool epilogue = a.contraction != -1 || b.contraction != -1;
  if (epilogue && (a.bound || b.bound)) return std::nullopt;
  if (const auto space = common_refinement(a.space, b.space)) {
    const std::optional<Group> left = refined(a, *space), right = refined(b, *space);
    if (!left || !right) return std::nullopt;
    return joined_whole(*left, *right, least_rows);
  }
  if (auto rows = joined_rows(a, b)) return rows;
  return joined_rows(b, a);
}

}  // namespace triad::graph::passes
