#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/graph/formula.hpp"

/// In which order the points of a formula are visited, and what is computed when.
namespace triad::reference {

/// A place along some axes: its coordinates, and the offset of every stream there.
struct Place {
  std::vector<std::int64_t> at, offsets;
  std::int64_t offset(std::size_t stream) const { return offsets.empty() ? 0 : offsets[stream]; }
};

/// Some of a space's axes, outermost first, with the strides of everything that is read or written along them: of the
/// operands, of the results and of numbers (a "stream" each).
struct Axes {
  std::vector<std::int64_t> extents;
  std::vector<std::vector<std::int64_t>> strides;  ///< by stream, by axis
  std::int64_t count = 1;                          ///< places

  void find(std::int64_t number, Place& place) const;
  /// How many places from this one are handled together: up to `most`, but no more than the rest of the innermost axis
  /// where that is long, so that operands can be used where they lie.
  std::int64_t aligned(const Place& place, std::int64_t most) const {
    constexpr std::int64_t long_enough = 128;
    if (extents.empty() || extents.back() < long_enough) return most;
    return std::min(most, extents.back() - place.at.back());
  }
  /// Calls visit(offset, stride, length) for the n places from this one on, cut where a stream's stride changes.
  template <class Visit>
  void for_each_run(const Place& from, std::size_t stream, std::int64_t n, const Visit& visit) const {
    if (extents.empty()) return visit(0, 0, n);
    const std::size_t last = extents.size() - 1;
    const std::vector<std::int64_t>& stride = strides[stream];
    std::int64_t offset = from.offsets[stream];
    std::int64_t length = std::min(n, extents[last] - from.at[last]);
    visit(offset, stride[last], length);
    if (length == n) return;
    std::vector<std::int64_t> at = from.at;
    for (n -= length; n > 0; n -= length) {
      at[last] = 0;
      for (std::size_t axis = last; axis-- > 0;) {
        if (++at[axis] < extents[axis]) break;
        at[axis] = 0;
      }
      offset = 0;
      for (std::size_t axis = 0; axis < last; ++axis) offset += at[axis] * stride[axis];
      length = std::min(n, extents[last]);
      visit(offset, stride[last], length);
    }
  }
};

/// Values per row (reductions and what is made of them) are computed once; the rest per point, stage by stage
/// (Formula::stages). Points are visited along a row in blocks; or, where rows are short or lie side by side, across a
/// block of rows.
struct FormulaPlan {
  explicit FormulaPlan(const graph::Formula& formula);

  const graph::Formula& formula;
  bool across = false;                           ///< blocks of rows
  Axes rows, points;                             ///< the axes that are not reduced; those that are
  std::size_t row_stream = 0, index_stream = 0;  ///< number of the row; number of the point in the space
  std::vector<std::size_t> coordinate_stream;    ///< by term
  int stages = 0;
  bool delivers_points = false;  ///< is there a result with a value per point?
  std::vector<bool> fixed;       ///< by term: one value in the whole space
  std::vector<bool> per_row;     ///< by term: one value per row
  /// By stage: terms per row that become known with it; terms per point needed by its reductions (in the last one: by
  /// the results); the reductions that end it.
  std::vector<std::vector<std::size_t>> row_terms, point_terms, reductions;
};

}  // namespace triad::reference
