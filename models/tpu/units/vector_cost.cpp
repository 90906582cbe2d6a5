#include "models/tpu/units/vector_cost.hpp"

#include <algorithm>
#include <bit>

namespace triad::tpu {

using graph::Formula;
using graph::Function;
using graph::Term;

namespace {

std::uint64_t groups(std::uint64_t n, int lanes) {
  return (n + static_cast<std::uint64_t>(lanes) - 1) / static_cast<std::uint64_t>(lanes);
}

std::uint64_t points(const graph::Shape& extents, std::uint32_t axes) {
  std::uint64_t n = 1;
  for (std::size_t axis = 0; axis < extents.size(); ++axis) {
    if (axes >> axis & 1) n *= static_cast<std::uint64_t>(extents[axis]);
  }
  return n;
}

std::uint32_t reduced_axes(const Formula& formula) {
  std::uint32_t axes = 0;
  for (std::size_t axis = 0; axis < formula.reduced.size(); ++axis)
    axes |= std::uint32_t{formula.reduced[axis]} << axis;
  return axes;
}

bool reduces(Function function) {
  return function == Function::row_sum || function == Function::row_maximum;
}

std::uint64_t size_of(Format format) {
  return static_cast<std::uint64_t>(numerics::bytes_of(format));
}

/// Adds `n` elements of a function that takes `each` operations.
void add(Cost& cost, const Operations& each, std::uint64_t n, int lanes) {
  cost.operations = cost.operations + each * n;
  cost.cycles += groups(n, lanes) * each.total();
}

}  // namespace

Operations operations(Function function) {
  switch (function) {
    case Function::operand:
    case Function::constant:
      return {0, 0};
    case Function::multiply:
      return {0, 1};
    case Function::divide:  // estimate: a reciprocal by two steps of Newton and Raphson, a product, a correction
      return {4, 4};
    case Function::square_root:  // estimate: two steps for 1 / sqrt(a), a product, a correction
      return {3, 9};
    case Function::exponential:  // numerics::exponential
      return {11, 12};
    case Function::logarithm:  // numerics::logarithm
      return {13, 14};
    case Function::tanh:  // numerics::hyperbolic_tangent: both branches, 12 and 34, and 4 to choose
      return {27, 23};
    case Function::error_function:  // numerics::error_function with its division
      return {16, 16};
    case Function::uniform:  // numerics::uniform: index, three shifts and exclusive ors, two products, conversion
      return {9, 3};
    default:
      return {1, 0};
  }
}

std::vector<std::uint32_t> axes_of_terms(const Formula& formula) {
  const std::uint32_t reduced = reduced_axes(formula);
  std::vector<std::uint32_t> result;
  for (const Term& term : formula.terms) {
    std::uint32_t axes = 0;
    if (term.function == Function::operand) {
      const auto& strides = formula.strides[static_cast<std::size_t>(term.arguments[0])];
      for (std::size_t axis = 0; axis < strides.size(); ++axis) axes |= std::uint32_t{strides[axis] != 0} << axis;
    } else if (term.function == Function::coordinate) {
      axes = std::uint32_t{1} << term.arguments[0];
    } else if (term.function == Function::uniform) {
      axes = (std::uint32_t{1} << formula.space.size()) - 1;
    } else {
      for (int i = 0; i < graph::arity(term.function); ++i) {
        axes |= result[static_cast<std::size_t>(term.arguments[static_cast<std::size_t>(i)])];
      }
      if (reduces(term.function)) axes &= ~reduced;
    }
    result.push_back(axes);
  }
  return result;
}

bool sums_by_tree(const Formula& formula) {
  return formula.reduced.back();
}

Cost cost(const Vector& v, int lanes) {
  const Formula& formula = *v.formula;
  const std::vector<std::uint32_t> axes = axes_of_terms(formula);
  const std::uint32_t reduced = reduced_axes(formula), all = (std::uint32_t{1} << formula.space.size()) - 1;
  const std::uint64_t length = points(v.extents, reduced), rows = points(v.extents, all & ~reduced);
  Cost cost;
  for (std::size_t t = 0; t < formula.terms.size(); ++t) {
    const Term& term = formula.terms[t];
    const Operations each = operations(term.function);
    if (!reduces(term.function)) {
      add(cost, each, points(v.extents, axes[t]), lanes);
      continue;
    }
    const std::uint64_t sums = points(v.extents, axes[t]);
    if (sums_by_tree(formula)) {
      add(cost, each, sums * length, lanes);
      // Trees of rows that are shorter than the lanes stand side by side; a step for each doubling.
      const std::uint64_t width = std::min(length, static_cast<std::uint64_t>(lanes));
      cost.cycles += groups(sums * width, lanes) * static_cast<std::uint64_t>(std::bit_width(width - 1));
      cost.operations.additions += sums * (width - 1);
    } else {
      cost.operations.additions += sums * length;
      cost.cycles += groups(sums, lanes) * length;
    }
  }
  for (std::size_t i = 0; i < formula.results.size(); ++i) {
    const Function made = formula.terms[static_cast<std::size_t>(formula.results[i].term)].function;
    const std::uint64_t n = formula.results[i].per_row ? rows : rows * length;
    if (made == Function::operand || made == Function::constant) add(cost, {1, 0}, n, lanes);
    if (v.results[i].mode != Vector::Mode::write) add(cost, {1, 0}, n, lanes);
    cost.vmem_bytes += n * size_of(v.results[i].place.format) * (v.results[i].mode == Vector::Mode::write ? 1 : 2);
  }
  for (std::size_t i = 0; i < v.operands.size(); ++i) {
    std::uint32_t read = 0;
    for (std::size_t axis = 0; axis < formula.space.size(); ++axis) {
      read |= std::uint32_t{formula.strides[i][axis] != 0} << axis;
    }
    cost.vmem_bytes += points(v.extents, read) * size_of(v.operands[i].format);
  }
  cost.cycles = std::max<std::uint64_t>(cost.cycles, 1);
  return cost;
}

Cost cost(const Window& w, int lanes) {
  const bool gradient = w.kind == graph::OpKind::max_pool_grad || w.kind == graph::OpKind::average_pool_grad;
  const auto n = static_cast<std::uint64_t>(w.planes * w.outputs[0].rows * w.outputs[0].width);
  // Of a gradient: the windows that an element may lie in.
  std::uint64_t taps = 1;
  for (int axis = 0; axis < 2; ++axis) {
    const std::int64_t kernel = w.kernel[axis], stride = gradient ? w.stride[axis] : 1;
    taps *= static_cast<std::uint64_t>((kernel + stride - 1) / stride);
  }
  Cost cost;
  switch (w.kind) {
    case graph::OpKind::max_pool:  // compare, choose value and place
      add(cost, Operations{2, 0} * taps, n, lanes);
      break;
    case graph::OpKind::max_pool_grad:  // compare the place, add
      add(cost, Operations{2, 0} * taps, n, lanes);
      break;
    case graph::OpKind::average_pool:  // add; times 1 / size at the end
      add(cost, Operations{taps, 1}, n, lanes);
      break;
    default:  // times 1 / size, add
      add(cost, Operations{1, 1} * taps, n, lanes);
  }
  for (const auto* side : {&w.inputs, &w.outputs}) {
    for (const Planes& p : *side) cost.vmem_bytes += static_cast<std::uint64_t>(w.planes * p.rows * p.width) * 4;
  }
  return cost;
}

Cost cost(const ScatterAdd& s, int lanes) {
  Cost cost;
  if (s.clear) add(cost, {1, 0}, s.to.rows * s.to.columns, lanes);
  // A row at a time: the next one may be added to the same place.
  cost.cycles += s.from.rows * groups(s.from.columns, lanes);
  cost.operations.additions += s.from.rows * s.from.columns;
  cost.vmem_bytes = 3 * s.from.rows * s.from.row_bytes() + s.indices.rows * s.indices.row_bytes() +
                    (s.clear ? s.to.rows * s.to.row_bytes() : 0);
  return cost;
}

}  // namespace triad::tpu
