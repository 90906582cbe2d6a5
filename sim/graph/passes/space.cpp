#include "sim/graph/passes/space.hpp"

#include <algorithm>
#include <set>

#include "sim/graph/passes/group.hpp"

namespace triad::graph::passes {

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

std::optional<Shape> common_refinement(const Shape& a, const Shape& b) {
  if (elements(a) != elements(b)) return std::nullopt;
  std::set<std::int64_t> borders;  // points from an axis's begin to the end of the space
  for (const Shape* space : {&a, &b}) {
    std::int64_t points = 1;
    for (std::size_t axis = space->size(); axis-- > 0;) borders.insert(points *= (*space)[axis]);
  }
  Shape refined;
  std::int64_t inner = 1;
  for (const std::int64_t points : borders) {
    if (points % inner != 0) return std::nullopt;
    refined.insert(refined.begin(), points / inner);
    inner = points;
  }
  return refined;
}

std::vector<std::size_t> origins(const Shape& space, const Shape& refined) {
  std::vector<std::size_t> result;
  std::int64_t points = 1;
  std::size_t axis = 0;
  for (const std::int64_t extent : refined) {
    result.push_back(axis);
    points *= extent;
    if (points == space[axis]) {
      points = 1;
      ++axis;
    }
  }
  return result;
}

std::vector<bool> split(const std::vector<bool>& flags, const std::vector<std::size_t>& origin) {
  std::vector<bool> result;
  for (const std::size_t axis : origin) result.push_back(flags[axis]);
  return result;
}

std::optional<Formula> split(const Formula& formula, const Shape& refined) {
  const std::vector<std::size_t> origin = origins(formula.space, refined);
  Formula result{refined, split(formula.reduced, origin), {}, formula.terms, formula.results};
  for (const auto& strides : formula.strides) {
    std::vector<std::int64_t> parts(refined.size());
    std::int64_t stride = 0;
    for (std::size_t axis = refined.size(); axis-- > 0;) {
      const bool innermost = axis + 1 == refined.size() || origin[axis + 1] != origin[axis];
      stride = innermost ? strides[origin[axis]] : stride * refined[axis + 1];
      parts[axis] = stride;
    }
    result.strides.push_back(std::move(parts));
  }
  for (Term& term : result.terms) {
    if (term.function != Function::coordinate) continue;
    const auto axis = static_cast<std::size_t>(term.arguments[0]);
    if (std::ranges::count(origin, axis) != 1) return std::nullopt;
    term.arguments[0] = static_cast<int>(std::ranges::find(origin, axis) - origin.begin());
  }
  return result;
}

std::optional<Formula> over_shape(const Formula& formula, const Shape& shape) {
  Shape large = shape;
  std::erase(large, 1);
  const std::vector<std::size_t> origin = origins(large, formula.space);
  for (std::size_t axis = 1; axis < origin.size(); ++axis) {
    if (origin[axis - 1] != origin[axis]) continue;
    for (const auto& strides : formula.strides) {
      if (strides[axis - 1] != strides[axis] * formula.space[axis]) return std::nullopt;
    }
  }
  Formula result{shape, std::vector<bool>(shape.size(), false), {}, formula.terms, formula.results};
  std::vector<std::size_t> place;  // of an axis of `large` in the shape
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != 1) place.push_back(axis);
  }
  for (const auto& strides : formula.strides) {
    std::vector<std::int64_t> whole(shape.size(), 0);
    for (std::size_t axis = 0; axis < origin.size(); ++axis) whole[place[origin[axis]]] = strides[axis];  // the inner
    result.strides.push_back(std::move(whole));
  }
  for (Term& term : result.terms) {
    if (term.function != Function::coordinate) continue;
    const std::size_t axis = origin[at(term.arguments[0])];
    if (std::ranges::count(origin, axis) != 1) return std::nullopt;
    term.arguments[0] = static_cast<int>(place[axis]);
  }
  return result;
}

}  // namespace triad::graph::passes
