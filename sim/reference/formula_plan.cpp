#include "sim/reference/formula_plan.hpp"

namespace triad::reference {
namespace {

using graph::Formula;
using graph::Function;
using graph::Term;
using Strides = std::vector<std::int64_t>;

/// Row-major strides over some axes; 0 along the others.
Strides dense(const Formula& formula, bool rows_only) {
  Strides strides(formula.space.size(), 0);
  std::int64_t stride = 1;
  for (std::size_t axis = formula.space.size(); axis-- > 0;) {
    if (rows_only && formula.reduced[axis]) continue;
    strides[axis] = stride;
    stride *= formula.space[axis];
  }
  return strides;
}

Axes take(const Formula& formula, const std::vector<Strides>& streams, bool reduced) {
  Axes axes;
  axes.strides.resize(streams.size());
  for (std::size_t axis = 0; axis < formula.space.size(); ++axis) {
    if (formula.reduced[axis] != reduced) continue;
    axes.extents.push_back(formula.space[axis]);
    axes.count *= formula.space[axis];
    for (std::size_t i = 0; i < streams.size(); ++i) axes.strides[i].push_back(streams[i][axis]);
  }
  return axes;
}

bool is_reduction(const Term& term) {
  return term.function == Function::row_sum || term.function == Function::row_maximum;
}

std::vector<std::size_t> read_by(const Term& term) {
  std::vector<std::size_t> terms;
  for (int i = 0; i < arity(term.function); ++i) {
    terms.push_back(static_cast<std::size_t>(term.arguments[static_cast<std::size_t>(i)]));
  }
  return terms;
}

/// One value in the whole space: constants, scalars, and what is made of them.
std::vector<bool> fixed_terms(const Formula& formula) {
  std::vector<bool> fixed;
  for (const Term& term : formula.terms) {
    bool same = !is_reduction(term) && term.function != Function::coordinate && term.function != Function::uniform;
    if (term.function == Function::operand) {
      for (const std::int64_t stride : formula.strides[static_cast<std::size_t>(term.arguments[0])]) {
        same = same && stride == 0;
      }
    }
    for (const std::size_t t : read_by(term)) same = same && fixed[t];
    fixed.push_back(same);
  }
  return fixed;
}

/// Rows are visited side by side when that reads memory in order, or when they are too short for a block.
bool go_across(const Formula& formula, const Axes& rows, const Axes& points) {
  constexpr std::int64_t few = 16;
  return points.count < few || (!formula.reduced.back() && rows.count >= few);
}

}  // namespace

void Axes::find(std::int64_t number, Place& place) const {
  place.at.resize(extents.size());
  place.offsets.assign(strides.size(), 0);
  for (std::size_t axis = extents.size(); axis-- > 0;) {
    place.at[axis] = number % extents[axis];
    number /= extents[axis];
    for (std::size_t i = 0; i < strides.size(); ++i) place.offsets[i] += place.at[axis] * strides[i][axis];
  }
}

FormulaPlan::FormulaPlan(const Formula& given) : formula(given), fixed(fixed_terms(given)), per_row(given.per_row()) {
  std::vector<Strides> streams = formula.strides;
  row_stream = streams.size();
  streams.push_back(dense(formula, true));
  index_stream = streams.size();
  streams.push_back(dense(formula, false));
  coordinate_stream.resize(formula.terms.size());
  for (std::size_t t = 0; t < formula.terms.size(); ++t) {
    if (formula.terms[t].function != Function::coordinate) continue;
    coordinate_stream[t] = streams.size();
    Strides strides(formula.space.size(), 0);
    strides[static_cast<std::size_t>(formula.terms[t].arguments[0])] = 1;
    streams.push_back(strides);
  }
  rows = take(formula, streams, false);
  points = take(formula, streams, true);
  across = go_across(formula, rows, points);

  const std::vector<int> stage = formula.stages();
  for (const int s : stage) stages = std::max(stages, s);
  row_terms.resize(static_cast<std::size_t>(stages) + 1);
  point_terms.resize(row_terms.size());
  reductions.resize(row_terms.size());

  // What each pass needs, from its reductions (or the results) back.
  const auto need = [&](std::size_t pass, std::size_t root) {
    std::vector<bool> needed(formula.terms.size(), false);
    for (const std::size_t t : point_terms[pass]) needed[t] = true;
    needed[root] = true;
    for (std::size_t t = root + 1; t-- > 0;) {
      if (!needed[t] || per_row[t]) continue;
      for (const std::size_t argument : read_by(formula.terms[t])) needed[argument] = true;
    }
    point_terms[pass].clear();
    for (std::size_t t = 0; t < needed.size(); ++t) {
      if (needed[t] && !per_row[t]) point_terms[pass].push_back(t);
    }
  };
  for (std::size_t t = 0; t < formula.terms.size(); ++t) {
    const Term& term = formula.terms[t];
    if (is_reduction(term)) {
      const auto pass = static_cast<std::size_t>(stage[t]) - 1;
      reductions[pass].push_back(t);
      need(pass, read_by(term)[0]);
    } else if (per_row[t] && !fixed[t]) {
      row_terms[static_cast<std::size_t>(stage[t])].push_back(t);
    }
  }
  for (const Formula::Result& result : formula.results) {
    if (result.per_row) continue;
    delivers_points = true;
    need(static_cast<std::size_t>(stages), static_cast<std::size_t>(result.term));
  }
}

}  // namespace triad::reference
