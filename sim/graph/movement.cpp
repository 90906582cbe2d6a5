#include "sim/graph/movement.hpp"

#include <algorithm>
#include <stdexcept>

#include "sim/graph/op.hpp"

namespace triad::graph {
namespace {

std::vector<std::int64_t> dense(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

/// Drops axes of extent 1, merges neighbours that both sides step through alike; at least one axis remains.
Copy simplified(const Copy& copy) {
  Copy result{copy.input, {}, copy.source_offset, copy.target_offset, {}, {}};
  for (std::size_t axis = 0; axis < copy.extents.size(); ++axis) {
    const std::int64_t n = copy.extents[axis], from = copy.source_strides[axis], to = copy.target_strides[axis];
    if (n == 1) continue;
    if (!result.extents.empty() && result.source_strides.back() == from * n && result.target_strides.back() == to * n) {
      result.extents.back() *= n;
      result.source_strides.back() = from;
      result.target_strides.back() = to;
    } else {
      result.extents.push_back(n);
      result.source_strides.push_back(from);
      result.target_strides.push_back(to);
    }
  }
  if (result.extents.empty()) {
    result.extents = {1};
    result.source_strides = result.target_strides = {1};
  }
  return result;
}

Movement pad(const Op& op, const Shape& from, const Shape& to) {
  Movement result{op.number("value"), {}};
  Copy copy{0, from, 0, 0, dense(from), dense(to)};
  for (std::size_t axis = 0; axis < from.size(); ++axis) {
    // Elements that a negative `before` or `after` cuts off are not copied.
    const std::int64_t step = op.integers("interior")[axis] + 1, before = op.integers("before")[axis];
    const std::int64_t first = before < 0 ? (-before + step - 1) / step : 0;
    const std::int64_t room =
        to[axis] - 1 - (before + first * step);  // from the first element copied to the last place
    const std::int64_t n = room < 0 ? 0 : std::min(from[axis] - first, room / step + 1);
    if (n <= 0) return result;
    copy.extents[axis] = n;
    copy.source_offset += first * copy.source_strides[axis];
    copy.target_offset += (before + first * step) * copy.target_strides[axis];
    copy.target_strides[axis] *= step;
  }
  result.copies.push_back(copy);
  return result;
}

}  // namespace

bool is_movement(OpKind kind) {
  return definition(kind).family == Family::movement;
}

Movement movement(const Graph& graph, const Op& op) {
  const Shape &from = graph.tensor(op.inputs[0]).shape, &to = graph.tensor(op.outputs[0]).shape;
  const std::vector<std::int64_t> source = dense(from), target = dense(to);
  Movement result;
  switch (op.kind) {
    case OpKind::transpose: {
      Copy copy{0, to, 0, 0, {}, target};
      for (const std::int64_t axis : op.integers("permutation")) {
        copy.source_strides.push_back(source[static_cast<std::size_t>(axis)]);
      }
      result.copies.push_back(copy);
      break;
    }
    case OpKind::slice: {
      Copy copy{0, to, 0, 0, source, target};
      for (std::size_t axis = 0; axis < from.size(); ++axis) {
        copy.source_offset += op.integers("begin")[axis] * source[axis];
        copy.source_strides[axis] *= op.integers("step")[axis];
      }
      result.copies.push_back(copy);
      break;
    }
    case OpKind::concat: {
      const auto axis = static_cast<std::size_t>(op.integer("axis"));
      std::int64_t offset = 0;
      for (std::size_t i = 0; i < op.inputs.size(); ++i) {
        const Shape& shape = graph.tensor(op.inputs[i]).shape;
        result.copies.push_back({static_cast<int>(i), shape, 0, offset, dense(shape), target});
        offset += shape[axis] * target[axis];
      }
      break;
    }
    case OpKind::pad:
      result = pad(op, from, to);
      break;
    case OpKind::broadcast:
      result.copies.push_back({0, to, 0, 0, broadcast_strides(from, to), target});
      break;
    default:
      throw std::invalid_argument(op.name + ": " + to_string(op.kind) + " is no movement");
  }
  for (Copy& copy : result.copies) copy = simplified(copy);
  return result;
}

}  // namespace triad::graph
