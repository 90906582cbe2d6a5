#include <fmt/format.h>

#include <cmath>

#include "sim/workload/onnx/operators.hpp"

/// Constants, shapes and what is known of values without computing them.
namespace triad::workload::onnx_import {
namespace {

using N = const Node&;

void constant(N node) {
  if (const auto value = node.stored("value")) return node.deliver(*value);
  if (node.has_attribute("value_int")) return node.deliver(Constant::of_integers({}, {node.integer("value_int", 0)}));
  if (node.has_attribute("value_float")) {
    return node.deliver(Constant::of({}, {static_cast<float>(node.number("value_float", 0))}));
  }
  if (const auto list = node.list("value_ints")) {
    return node.deliver(Constant::of_integers({static_cast<std::int64_t>(list->size())}, *list));
  }
  if (const auto list = node.reals("value_floats")) {
    return node.deliver(Constant::of({static_cast<std::int64_t>(list->size())}, *list));
  }
  node.fail("has no value that is read: value, value_int, value_float, value_ints or value_floats");
}

void shape(N node) {
  const Shape whole = node.shape(0);
  const auto rank = static_cast<std::int64_t>(whole.size());
  const auto place = [&](std::int64_t at) { return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank); };
  const std::int64_t begin = place(node.integer("start", 0)), end = place(node.integer("end", rank));
  Shape part;
  for (std::int64_t i = begin; i < end; ++i) part.push_back(whole[static_cast<std::size_t>(i)]);
  node.deliver(Constant::of_integers({static_cast<std::int64_t>(part.size())}, part));
}

void size(N node) {
  node.deliver(Constant::of_integers({}, {graph::elements(node.shape(0))}));
}

void constant_of_shape(N node) {
  const Shape shape = node.integers(0, "the shape");
  check_constant_shape(shape);
  const Constant value = node.stored("value").value_or(Constant::of({1}, {0}));
  if (value.size() != 1) node.fail("the value must be one number");
  const auto count = static_cast<std::size_t>(graph::elements(shape));
  Constant result;
  result.type = value.type;
  result.shape = shape;
  if (value.is_real()) {
    result.reals.assign(count, value.reals[0]);
  } else {
    result.integers.assign(count, value.integers[0]);
  }
  node.deliver(result);
}

void range(N node) {
  const Constant& start = node.constant(0, "the start");
  const double from = node.number(0, "the start"), to = node.number(1, "the limit"), by = node.number(2, "the step");
  const double count = std::ceil((to - from) / by);
  if (!(by != 0) || !(count <= static_cast<double>(largest_constant))) {
    node.fail(fmt::format("from {} to {} by {} is no range that is read", from, to, by));
  }
  Constant result;
  result.type = start.type;
  for (double i = 0; i < count; ++i) {
    if (result.is_real()) {
      result.reals.push_back(static_cast<float>(from + i * by));
    } else {
      result.integers.push_back(static_cast<std::int64_t>(from + i * by));
    }
  }
  result.shape = {std::max<std::int64_t>(0, static_cast<std::int64_t>(count))};
  node.deliver(result);
}

/// Where a known value is not zero: [rank, count], in row-major order.
void non_zero(N node) {
  const Constant* known = node.known(0);
  if (known == nullptr) node.fail("is read of values that are known at import only");
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < static_cast<std::size_t>(known->size()); ++i) {
    if (known->number(i) != 0) places.push_back(i);
  }
  Constant result = Constant::of_integers(
      {static_cast<std::int64_t>(known->shape.size()), static_cast<std::int64_t>(places.size())}, {});
  for (std::size_t axis = 0; axis < known->shape.size(); ++axis) {
    std::size_t stride = 1;
    for (std::size_t i = axis + 1; i < known->shape.size(); ++i) stride *= static_cast<std::size_t>(known->shape[i]);
    const auto extent = static_cast<std::size_t>(known->shape[axis]);
    for (const std::size_t place : places) {
      result.integers.push_back(static_cast<std::int64_t>(place / stride % extent));
    }
  }
  node.deliver(result);
}

// ONNX's numbers of types: TensorProto.DataType.
constexpr std::int64_t type_float = 1, type_float16 = 10, type_double = 11, type_bfloat16 = 16, type_bool = 9;

/// Of values known at import to any type; of the graph to float (class numbers become fp32) or between floats, which
/// changes nothing: the precision of the workload decides.
void cast(N node) {
  const std::int64_t to = node.integer("to", 0);
  const bool real = to == type_float || to == type_float16 || to == type_double || to == type_bfloat16;
  if (const Constant* known = node.known(0)) {
    if (real) return node.deliver(mapped(*known, [](double x) { return x; }));
    Constant result;
    result.type = to == type_bool ? Constant::Type::boolean : Constant::Type::integer;
    result.shape = known->shape;
    for (std::size_t i = 0; i < static_cast<std::size_t>(known->size()); ++i) {
      result.integers.push_back(to == type_bool ? (known->number(i) != 0 ? 1 : 0) : known->integer(i));
    }
    return node.deliver(result);
  }
  Builder& b = node.builder();
  const TensorId x = node.tensor(0);
  const bool whole = b.graph().tensor(x).format == Format::int32;
  if (real && whole) return node.deliver(b.op(OpKind::cast, node.of("cast"), {x}, {{"format", std::string("fp32")}}));
  if (real || whole) {
    if (to == type_bool) node.fail("of whole numbers to bool is not supported; compare them with 0");
    return node.deliver(node.value(0));
  }
  if (to == type_bool) return node.deliver(node.value(0));  // a mask is 1 or 0 already
  node.fail("real numbers that depend on the inputs cannot become whole numbers");
}

/// The triangle of the last two axes, the rest 0; a known value, or a mask of the graph.
void triangle(N node) {
  const bool upper = node.integer("upper", 1) != 0;
  const std::int64_t k = node.has(1) ? static_cast<std::int64_t>(node.number(1, "the diagonal")) : 0;
  const Shape shape = node.shape(0);
  if (shape.size() < 2) node.fail(graph::to_string(shape) + " must have two axes or more");
  const std::int64_t rows = shape[shape.size() - 2], columns = shape.back();
  std::vector<float> mask;
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    const std::int64_t diagonal = i % columns - i / columns;
    mask.push_back((upper ? diagonal >= k : diagonal <= k) ? 1.0f : 0.0f);
  }
  const Constant kept = Constant::of({rows, columns}, std::move(mask));
  if (const Constant* known = node.known(0)) {
    const Constant zero = known->is_real() ? Constant::of({}, {0}) : Constant::of_integers({}, {0});
    return node.deliver(chosen(kept, *known, zero));
  }
  auto value = std::make_shared<Value>(Value{node.of("mask"), std::make_shared<const Constant>(kept)});
  node.deliver(node.builder().op(OpKind::multiply, node.of("triangle"), {node.tensor(0), node.tensor(*value)}));
}

}  // namespace

std::vector<Operator> shape_operators() {
  return {{"Constant", 0, constant}, {"Shape", 1, shape},
          {"Size", 1, size},         {"ConstantOfShape", 1, constant_of_shape},
          {"Range", 3, range},       {"Cast", 1, cast},
          {"NonZero", 1, non_zero},  {"Trilu", 1, triangle}};
}

}  // namespace triad::workload::onnx_import
