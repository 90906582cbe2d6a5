#pragma once
#include <optional>
#include <vector>

#include "sim/graph/formula.hpp"

/// Formulas over other axes: the same points in the same order, cut in another way.
namespace triad::graph::passes {

/// Without axes of extent 1; a coordinate along one is 0.
Formula without_unit_axes(const Formula& formula);

/// Row-major strides over the axes that are not `skipped`, 0 along those.
std::vector<std::int64_t> dense(const Shape& space, const std::vector<bool>& skipped);

/// The coarsest space of which both are made by joining neighbouring axes: [2, 16, 64] of [32, 64] and [2, 1024].
/// Nothing where there is none.
std::optional<Shape> common_refinement(const Shape& a, const Shape& b);

/// By axis of a refinement: the axis of `space` that it is a part of.
std::vector<std::size_t> origins(const Shape& space, const Shape& refined);

/// Flags by axis of a space, for the axes of its refinement.
std::vector<bool> split(const std::vector<bool>& flags, const std::vector<std::size_t>& origin);

/// The formula over a refinement of its space; nothing when it reads the coordinate of an axis that is split.
std::optional<Formula> split(const Formula& formula, const Shape& refined);

/// The formula over a shape of which its space is a refinement, axes of extent 1 put back. Nothing when an operand is
/// not read evenly along an axis of the shape.
std::optional<Formula> over_shape(const Formula& formula, const Shape& shape);

}  // namespace triad::graph::passes
