#pragma once
#include <cmath>
#include <map>
#include <vector>

#include "sim/graph/movement.hpp"
#include "sim/graph/op.hpp"
#include "sim/numerics/elementary.hpp"
#include "sim/numerics/random.hpp"

/// Graphs executed word for word by their definitions, point by point: slow, and short enough to be seen to be right.
namespace triad::graph::naive {

using Values = std::vector<float>;
using Memory = std::map<TensorId, Values>;

inline std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Index of element `number` of a shape, row-major.
inline Shape index_of(std::int64_t number, const Shape& shape) {
  Shape index(shape.size());
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = number % shape[axis];
    number /= shape[axis];
  }
  return index;
}
inline std::int64_t number_of(const Shape& index, const Shape& shape) {
  std::int64_t number = 0;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) number = number * shape[axis] + index[axis];
  return number;
}
inline std::int64_t dot(const Shape& index, const std::vector<std::int64_t>& strides) {
  std::int64_t sum = 0;
  for (std::size_t axis = 0; axis < index.size(); ++axis) sum += index[axis] * strides[axis];
  return sum;
}

inline float stored(float value, numerics::Format format) {
  return format == numerics::Format::bf16 ? numerics::round_bf16(value) : value;
}

inline float apply(const Term& t, float a, float b, float c) {
  switch (t.function) {
    case Function::add:
      return a + b;
    case Function::subtract:
      return a - b;
    case Function::multiply:
      return a * b;
    case Function::divide:
      return a / b;
    case Function::minimum:
      return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
    case Function::maximum:
      return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
    case Function::greater:
      return a > b ? 1 : 0;
    case Function::equal:
      return a == b ? 1 : 0;
    case Function::select:
      return a != 0 ? b : c;
    case Function::exponential:
      return numerics::exponential(a);
    case Function::logarithm:
      return numerics::logarithm(a);
    case Function::square_root:
      return std::sqrt(a);
    case Function::tanh:
      return numerics::hyperbolic_tangent(a);
    case Function::error_function:
      return numerics::error_function(a);
    case Function::round:
      return std::nearbyint(a);
    default:
      throw std::logic_error("not a function of scalars");
  }
}

/// The results of a formula, each over all points or over all rows. Rows are summed in the order of the points.
inline std::vector<Values> evaluate(const Formula& f, const std::vector<Values>& operands) {
  const std::int64_t points = elements(f.space);
  Shape row_space;
  for (std::size_t axis = 0; axis < f.space.size(); ++axis) row_space.push_back(f.reduced[axis] ? 1 : f.space[axis]);
  const auto row_of = [&](std::int64_t p) {
    Shape index = index_of(p, f.space);
    for (std::size_t axis = 0; axis < index.size(); ++axis) index[axis] = f.reduced[axis] ? 0 : index[axis];
    return number_of(index, row_space);
  };
  std::vector<Values> terms;  // at every point
  for (const Term& t : f.terms) {
    Values v(at(points));
    const auto argument = [&](int i, std::int64_t p) {
      return i < arity(t.function) ? terms[at(t.arguments[at(i)])][at(p)] : 0.0f;
    };
    Values rows(at(elements(row_space)), t.function == Function::row_maximum ? -INFINITY : 0.0f);
    for (std::int64_t p = 0; p < points; ++p) {
      const Shape index = index_of(p, f.space);
      if (t.function == Function::operand) {
        v[at(p)] = operands.at(at(t.arguments[0])).at(at(dot(index, f.strides.at(at(t.arguments[0])))));
      } else if (t.function == Function::constant) {
        v[at(p)] = static_cast<float>(t.value);
      } else if (t.function == Function::coordinate) {
        v[at(p)] = static_cast<float>(index.at(at(t.arguments[0])));
      } else if (t.function == Function::uniform) {
        v[at(p)] = numerics::uniform(static_cast<std::uint32_t>(t.value), static_cast<std::uint32_t>(argument(0, p)),
                                     static_cast<std::uint32_t>(p));
      } else if (t.function == Function::row_sum) {
        rows[at(row_of(p))] += argument(0, p);
      } else if (t.function == Function::row_maximum) {
        rows[at(row_of(p))] = apply({Function::maximum}, rows[at(row_of(p))], argument(0, p), 0);
      } else {
        v[at(p)] = apply(t, argument(0, p), argument(1, p), argument(2, p));
      }
    }
    if (t.function == Function::row_sum || t.function == Function::row_maximum) {
      for (std::int64_t p = 0; p < points; ++p) v[at(p)] = rows[at(row_of(p))];
    }
    terms.push_back(std::move(v));
  }
  std::vector<Values> results;
  for (const Formula::Result& r : f.results) {
    Values out(at(r.per_row ? elements(row_space) : points));
    for (std::int64_t p = 0; p < points; ++p) out[at(r.per_row ? row_of(p) : p)] = terms[at(r.term)][at(p)];
    results.push_back(std::move(out));
  }
  return results;
}

/// What a movement moves, copy by copy. Throws std::out_of_range when a copy leaves its tensor, std::logic_error when
/// an element is written twice.
inline Values move(const Movement& m, const std::vector<Values>& inputs, std::int64_t outputs) {
  Values out(at(outputs), static_cast<float>(m.fill.value_or(NAN)));
  std::vector<bool> written(at(outputs), false);
  for (const Copy& copy : m.copies) {
    for (std::int64_t p = 0; p < elements(copy.extents); ++p) {
      const Shape index = index_of(p, copy.extents);
      const std::size_t to = at(copy.target_offset + dot(index, copy.target_strides));
      if (written.at(to)) throw std::logic_error("written twice");
      written[to] = true;
      out.at(to) = inputs.at(at(copy.input)).at(at(copy.source_offset + dot(index, copy.source_strides)));
    }
  }
  return out;
}

inline Values multiply(const Graph& graph, const Op& op, const Values& a, const Values& b, const Shape& result) {
  const Shape as = graph.tensor(op.inputs[0]).shape, bs = graph.tensor(op.inputs[1]).shape;
  const bool ta = op.flag("transpose_a"), tb = op.flag("transpose_b");
  const std::size_t r = result.size();
  Values c(at(elements(result)), 0);
  for (std::int64_t p = 0; p < elements(result); ++p) {
    Shape i = index_of(p, result), j = i;
    const std::int64_t m = i[r - 2], n = i[r - 1];
    for (std::int64_t k = 0; k < as[r - (ta ? 2 : 1)]; ++k) {
      i[r - 2] = ta ? k : m, i[r - 1] = ta ? m : k;
      j[r - 2] = tb ? n : k, j[r - 1] = tb ? k : n;
      c[at(p)] += a[at(number_of(i, as))] * b[at(number_of(j, bs))];
    }
  }
  return c;
}

/// The outputs of one op, rounded to their formats.
inline std::vector<Values> execute(const Graph& graph, const Op& op, std::vector<Values> inputs) {
  std::vector<Values> outputs;
  switch (family(op)) {
    case Family::contraction: {
      const Shape shape = op.formula ? op.formula->space : graph.tensor(op.outputs[0]).shape;
      outputs = {multiply(graph, op, inputs[0], inputs[1], shape)};
      if (op.formula) {
        inputs.erase(inputs.begin());
        inputs[0] = outputs[0];
        outputs = evaluate(*op.formula, inputs);
      }
      break;
    }
    case Family::formula:
      outputs = evaluate(formula_of(graph, op), inputs);
      break;
    case Family::movement:
      outputs = {move(movement(graph, op), inputs, elements(graph.tensor(op.outputs[0]).shape))};
      break;
    case Family::view:
      outputs = std::move(inputs);
      break;
    default:
      throw std::logic_error(op.name + ": not run here");
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& tensor = graph.tensor(op.outputs.at(i));
    if (outputs[i].size() != at(elements(tensor.shape))) throw std::logic_error(op.name + ": wrong size");
    for (float& value : outputs[i]) value = stored(value, tensor.format);
  }
  return outputs;
}

/// Executes one step; `memory` holds what persists. Updated values stay beside the old ones.
inline void run(const Graph& graph, Memory& memory) {
  for (const Op& op : graph.ops) {
    std::vector<Values> inputs;
    for (const TensorId id : op.inputs) inputs.push_back(memory.at(id));
    const std::vector<Values> outputs = execute(graph, op, std::move(inputs));
    for (std::size_t i = 0; i < outputs.size(); ++i) memory[op.outputs[i]] = outputs[i];
  }
}

/// Executes one step in one address space: tensors lie where `offset` says, in bytes, and overwrite what lies there.
/// Returns what `wanted` hold in the end.
inline Memory run_in_place(const Graph& graph, const Memory& start, const std::vector<std::int64_t>& offset,
                           std::int64_t bytes, const std::vector<TensorId>& wanted) {
  Values cells(at(bytes), NAN);  // a value at the address of its first byte
  const auto address = [&](TensorId id, std::size_t i) {
    return at(offset.at(at(id)) + static_cast<std::int64_t>(i) * numerics::bytes_of(graph.tensor(id).format));
  };
  const auto write = [&](TensorId id, const Values& values) {
    for (std::size_t i = 0; i < values.size(); ++i) cells.at(address(id, i)) = values[i];
  };
  const auto read = [&](TensorId id) {
    Values values(at(elements(graph.tensor(id).shape)));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = cells.at(address(id, i));
    return values;
  };
  for (const auto& [id, values] : start) write(id, values);
  for (const Op& op : graph.ops) {
    if (family(op) == Family::view) continue;
    std::vector<Values> inputs;
    for (const TensorId id : op.inputs) inputs.push_back(read(id));
    const std::vector<Values> outputs = execute(graph, op, std::move(inputs));
    for (std::size_t i = 0; i < outputs.size(); ++i) write(op.outputs[i], outputs[i]);
  }
  Memory result;
  for (const TensorId id : wanted) result[id] = read(id);
  return result;
}

}  // namespace triad::graph::naive
