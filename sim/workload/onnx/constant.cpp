#include "sim/workload/onnx/constant.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "sim/graph/movement.hpp"

namespace triad::workload::onnx_import {
namespace {

/// Calls visit(i, index into a, index into b) for every element of what both shapes broadcast to.
template <class Visit>
Shape broadcast(const Shape& a, const Shape& b, Visit visit) {
  Shape shape(std::max(a.size(), b.size()), 1);
  for (const Shape* one : {&a, &b}) {
    const std::size_t more = shape.size() - one->size();
    for (std::size_t i = 0; i < one->size(); ++i) {
      std::int64_t& extent = shape[more + i];
      if ((*one)[i] == extent || (*one)[i] == 1) continue;
      if (extent != 1) {
        throw std::invalid_argument(
            fmt::format("{} and {} do not broadcast", graph::to_string(a), graph::to_string(b)));
      }
      extent = (*one)[i];
    }
  }
  check_constant_shape(shape);
  const auto strides = [&](const Shape& of) {
    std::vector<std::int64_t> result(shape.size(), 0);
    std::int64_t stride = 1;
    for (std::size_t i = of.size(); i-- > 0;) {
      result[shape.size() - of.size() + i] = of[i] == 1 ? 0 : stride;
      stride *= of[i];
    }
    return result;
  };
  const std::vector<std::int64_t> of_a = strides(a), of_b = strides(b);
  const auto count = static_cast<std::size_t>(graph::elements(shape));
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t rest = i, at_a = 0, at_b = 0;
    for (std::size_t axis = shape.size(); axis-- > 0;) {
      const auto extent = static_cast<std::size_t>(shape[axis]);
      at_a += rest % extent * static_cast<std::size_t>(of_a[axis]);
      at_b += rest % extent * static_cast<std::size_t>(of_b[axis]);
      rest /= extent;
    }
    visit(i, at_a, at_b);
  }
  return shape;
}

template <class Value>
std::vector<Value> copied(const graph::Movement& movement, const std::vector<const std::vector<Value>*>& inputs,
                          std::size_t count) {
  std::vector<Value> result(count, static_cast<Value>(movement.fill.value_or(0)));
  for (const graph::Copy& copy : movement.copies) {
    const std::vector<Value>& source = *inputs[static_cast<std::size_t>(copy.input)];
    const std::int64_t points = graph::elements(copy.extents);
    for (std::int64_t i = 0; i < points; ++i) {
      std::int64_t rest = i, from = copy.source_offset, to = copy.target_offset;
      for (std::size_t axis = copy.extents.size(); axis-- > 0;) {
        from += rest % copy.extents[axis] * copy.source_strides[axis];
        to += rest % copy.extents[axis] * copy.target_strides[axis];
        rest /= copy.extents[axis];
      }
      result[static_cast<std::size_t>(to)] = source[static_cast<std::size_t>(from)];
    }
  }
  return result;
}

}  // namespace

void check_constant_shape(const Shape& shape) {
  std::int64_t elements = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0)
      throw std::invalid_argument(fmt::format("shape {}: an extent is negative", graph::to_string(shape)));
    if (extent > largest_constant || elements * extent > largest_constant) {
      throw std::invalid_argument(fmt::format("shape {}: more than {} elements to compute at import",
                                              graph::to_string(shape), largest_constant));
    }
    elements *= std::max<std::int64_t>(extent, 1);
  }
}

Constant Constant::of(Shape shape, std::vector<float> values) {
  return {Type::real, std::move(shape), std::move(values), {}};
}
Constant Constant::of_integers(Shape shape, std::vector<std::int64_t> values) {
  return {Type::integer, std::move(shape), {}, std::move(values)};
}
Constant Constant::of_booleans(Shape shape, std::vector<std::int64_t> values) {
  return {Type::boolean, std::move(shape), {}, std::move(values)};
}

double Constant::number(std::size_t index) const {
  return is_real() ? static_cast<double>(reals.at(index)) : static_cast<double>(integers.at(index));
}

std::int64_t Constant::integer(std::size_t index) const {
  if (!is_real()) return integers.at(index);
  const double value = reals.at(index);
  if (!(std::abs(value) < 0x1p62)) throw std::invalid_argument(fmt::format("{} is no whole number", value));
  return static_cast<std::int64_t>(value);
}

bool Constant::all(double value) const {
  for (std::size_t i = 0; i < static_cast<std::size_t>(size()); ++i) {
    if (number(i) != value) return false;
  }
  return true;
}

device::HostTensor Constant::tensor() const {
  if (is_real()) return device::HostTensor::of(shape, reals);
  if (type == Type::boolean) return device::HostTensor::of(shape, {integers.begin(), integers.end()});
  std::vector<std::int32_t> values;
  values.reserve(integers.size());
  for (const std::int64_t value : integers) {
    if (value < std::numeric_limits<std::int32_t>::min() || value > std::numeric_limits<std::int32_t>::max()) {
      throw std::invalid_argument(fmt::format("the constant {} does not fit 32 bits", value));
    }
    values.push_back(static_cast<std::int32_t>(value));
  }
  return device::HostTensor::of_integers(shape, values);
}

Constant combined(const Constant& a, const Constant& b, const OfIntegers& integers, const OfReals& reals) {
  Constant result;
  const bool real = a.is_real() || b.is_real();
  result.type = real ? Constant::Type::real : a.type;
  result.shape = broadcast(a.shape, b.shape, [&](std::size_t, std::size_t i, std::size_t j) {
    if (real) {
      result.reals.push_back(static_cast<float>(reals(a.number(i), b.number(j))));
    } else {
      result.integers.push_back(integers(a.integers[i], b.integers[j]));
    }
  });
  return result;
}

Constant compared(const Constant& a, const Constant& b, const std::function<bool(double, double)>& function) {
  Constant result;
  result.type = Constant::Type::boolean;
  result.shape = broadcast(a.shape, b.shape, [&](std::size_t, std::size_t i, std::size_t j) {
    result.integers.push_back(function(a.number(i), b.number(j)) ? 1 : 0);
  });
  return result;
}

Constant mapped(const Constant& a, const std::function<double(double)>& function) {
  Constant result;
  result.shape = a.shape;
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.size()); ++i) {
    result.reals.push_back(static_cast<float>(function(a.number(i))));
  }
  return result;
}

Constant chosen(const Constant& condition, const Constant& a, const Constant& b) {
  // The pairs (a, b) first, then each with its condition.
  Constant pairs, result;
  std::vector<std::pair<std::size_t, std::size_t>> indices;
  pairs.shape =
      broadcast(a.shape, b.shape, [&](std::size_t, std::size_t i, std::size_t j) { indices.emplace_back(i, j); });
  result.type = a.is_real() || b.is_real() ? Constant::Type::real : a.type;
  result.shape = broadcast(condition.shape, pairs.shape, [&](std::size_t, std::size_t c, std::size_t pair) {
    const bool first = condition.number(c) != 0;
    const Constant& from = first ? a : b;
    const std::size_t index = first ? indices[pair].first : indices[pair].second;
    if (result.is_real()) {
      result.reals.push_back(static_cast<float>(from.number(index)));
    } else {
      result.integers.push_back(from.integers[index]);
    }
  });
  return result;
}

Constant moved(OpKind kind, const std::vector<const Constant*>& inputs, const Attributes& attributes) {
  graph::Graph graph;
  std::vector<TensorId> ids;
  for (const Constant* input : inputs) {
    if (input->type != inputs.front()->type) throw std::invalid_argument("operands of different types");
    ids.push_back(graph.add_tensor({"operand", input->shape}));
  }
  const TensorId output = graph.add_op(kind, "result", ids, attributes)[0];
  Constant result;
  result.type = inputs.front()->type;
  result.shape = graph.tensor(output).shape;
  check_constant_shape(result.shape);
  if (kind == OpKind::reshape) {
    result.reals = inputs.front()->reals;
    result.integers = inputs.front()->integers;
    return result;
  }
  const graph::Movement movement = graph::movement(graph, graph.ops.back());
  const auto count = static_cast<std::size_t>(graph::elements(result.shape));
  std::vector<const std::vector<float>*> reals;
  std::vector<const std::vector<std::int64_t>*> integers;
  for (const Constant* input : inputs) {
    reals.push_back(&input->reals);
    integers.push_back(&input->integers);
  }
  if (result.is_real()) {
    result.reals = copied(movement, reals, count);
  } else {
    result.integers = copied(movement, integers, count);
  }
  return result;
}

}  // namespace triad::workload::onnx_import
