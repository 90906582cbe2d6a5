#include "models/tpu/units/vector_functions.hpp"

#include <algorithm>
#include <bit>
#include <span>
#include <stdexcept>

#include "sim/numerics/elementary.hpp"

namespace triad::tpu {

using graph::OpKind;
using numerics::canonical;

namespace {

/// The index of the second operand that meets element i.
std::size_t partner(const Vector& v, std::size_t i, std::size_t columns) {
  switch (v.broadcast) {
    case Broadcast::none:
      return i;
    case Broadcast::row:
      return i % columns;
    case Broadcast::scalar:
      return 0;
  }
  return i;
}

template <class Function>
void for_elements(const Vector& v, VectorValues& values, Function function) {
  std::vector<float>& out = values.outputs[0];
  const std::size_t columns = v.outputs[0].columns;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t second = partner(v, i, columns);
    if (v.function == OpKind::broadcast) {
      out[i] = canonical(values.inputs[0][second]);
    } else {
      out[i] = canonical(function(values.inputs[0][i], values.inputs.size() > 1 ? values.inputs[1][second] : 0.0f));
    }
  }
}

/// One row of logits: its maximum, e^(x - maximum) for each, and their sum.
struct Softmax {
  float maximum;
  std::vector<float> exponentials;
  float sum;
};

Softmax softmax(std::span<const float> row, int lanes) {
  Softmax s{row[0], {}, 0};
  for (const float x : row) s.maximum = x > s.maximum || x != x ? x : s.maximum;
  for (const float x : row) s.exponentials.push_back(numerics::exponential(x - s.maximum));
  s.sum = numerics::lane_sum(s.exponentials, lanes);
  return s;
}

void accumulate(const Vector& v, float& out, float sum) {
  out = canonical(((v.accumulate ? out : 0.0f) + sum) * v.scale);
}

void mse(const Vector& v, int lanes, VectorValues& values) {
  std::vector<float> squares(values.inputs[0].size());
  for (std::size_t i = 0; i < squares.size(); ++i) {
    const float difference = values.inputs[0][i] - values.inputs[1][i];
    squares[i] = difference * difference;
  }
  accumulate(v, values.outputs[0][0], numerics::lane_sum(squares, lanes));
}

void cross_entropy(const Vector& v, int lanes, VectorValues& values) {
  const std::size_t columns = v.inputs[0].columns;
  float sum = 0;
  for (std::size_t row = 0; row < v.inputs[0].rows; ++row) {
    const std::span<const float> logits(values.inputs[0].data() + row * columns, columns);
    const Softmax s = softmax(logits, lanes);
    sum += numerics::logarithm(s.sum) - (logits[static_cast<std::size_t>(values.classes[row])] - s.maximum);
  }
  accumulate(v, values.outputs[0][0], sum);
}

void cross_entropy_grad(const Vector& v, int lanes, VectorValues& values) {
  const std::size_t columns = v.inputs[0].columns;
  for (std::size_t row = 0; row < v.inputs[0].rows; ++row) {
    const std::span<const float> logits(values.inputs[0].data() + row * columns, columns);
    const Softmax s = softmax(logits, lanes);
    for (std::size_t i = 0; i < columns; ++i) {
      const float hot = static_cast<std::size_t>(values.classes[row]) == i ? 1.0f : 0.0f;
      values.outputs[0][row * columns + i] = canonical((s.exponentials[i] / s.sum - hot) * v.scale);
    }
  }
}

void reduce_sum(const Vector& v, VectorValues& values) {
  const std::size_t columns = v.outputs[0].columns;
  for (std::size_t column = 0; column < columns; ++column) {
    float sum = v.accumulate ? values.outputs[0][column] : 0.0f;
    for (std::size_t row = 0; row < v.inputs[0].rows; ++row) sum += values.inputs[0][row * columns + column];
    values.outputs[0][column] = canonical(sum);
  }
}

void sgd(const Vector& v, VectorValues& values) {
  const bool momentum = values.inputs.size() > 2;
  for (std::size_t i = 0; i < values.inputs[0].size(); ++i) {
    float step = values.inputs[1][i];
    if (momentum) {
      step = canonical(v.momentum * values.inputs[2][i] + step);
      values.outputs[1][i] = step;
    }
    values.outputs[0][i] = canonical(values.inputs[0][i] - v.scale * step);
  }
}

}  // namespace

void evaluate(const Vector& v, int lanes, VectorValues& values) {
  switch (v.function) {
    case OpKind::add:
      return for_elements(v, values, [](float a, float b) { return a + b; });
    case OpKind::subtract:
      return for_elements(v, values, [](float a, float b) { return a - b; });
    case OpKind::multiply:
      return for_elements(v, values, [](float a, float b) { return a * b; });
    case OpKind::scale:
      return for_elements(v, values, [&](float a, float) { return a * v.scale; });
    case OpKind::relu:
      return for_elements(v, values, [](float a, float) { return a > 0 || a != a ? a : 0.0f; });
    case OpKind::relu_grad:
      return for_elements(v, values, [](float y, float dy) { return y > 0 ? dy : 0.0f; });
    case OpKind::cast:
    case OpKind::broadcast:
      return for_elements(v, values, [](float a, float) { return a; });
    case OpKind::mse_grad:
      return for_elements(v, values, [&](float p, float t) { return (p - t) * v.scale; });
    case OpKind::reduce_sum:
      return reduce_sum(v, values);
    case OpKind::mse:
      return mse(v, lanes, values);
    case OpKind::cross_entropy:
      return cross_entropy(v, lanes, values);
    case OpKind::cross_entropy_grad:
      return cross_entropy_grad(v, lanes, values);
    case OpKind::sgd:
      return sgd(v, values);
    case OpKind::matmul:
    case OpKind::reshape:
      break;
  }
  throw std::logic_error("the vector unit has no " + graph::to_string(v.function));
}

namespace {

// Counted from numerics::exponential and logarithm.
constexpr Operations exponential = {11, 12}, logarithm = {13, 14};
// Estimate: a reciprocal by two steps of Newton and Raphson, then a multiplication and a correction.
constexpr Operations division = {4, 4};

/// Per element of the largest operand.
Operations per_element(const Vector& v) {
  switch (v.function) {
    case OpKind::multiply:
    case OpKind::scale:
      return {0, 1};
    case OpKind::mse_grad:
      return {1, 1};
    case OpKind::mse:
      return {2, 1};
    case OpKind::sgd:
      return v.inputs.size() > 2 ? Operations{2, 2} : Operations{1, 1};
    case OpKind::cross_entropy:  // maximum, subtraction, exponential, sum
      return exponential + Operations{3, 0};
    case OpKind::cross_entropy_grad:  // the same, division, subtraction, multiplication
      return exponential + Operations{3, 0} + division + Operations{1, 1};
    default:
      return {1, 0};
  }
}

std::uint64_t size(const Block& block) {
  return block.rows * block.columns;
}

}  // namespace

Cost cost(const Vector& v, int lanes) {
  const auto width = static_cast<std::uint64_t>(lanes);
  const auto groups = [&](std::uint64_t n) { return (n + width - 1) / width; };
  std::uint64_t elements = 0;
  for (const Block& block : v.inputs) elements = std::max(elements, size(block));
  for (const Block& block : v.outputs) elements = std::max(elements, size(block));
  const Operations each = per_element(v);
  Cost cost{each * elements, groups(elements) * each.total()};
  // A chain of additions per column: a row a cycle, however many lanes there are beyond it.
  if (v.function == OpKind::reduce_sum) cost.cycles = v.inputs[0].rows * groups(v.outputs[0].columns);

  const bool by_row = v.function == OpKind::cross_entropy || v.function == OpKind::cross_entropy_grad;
  if (by_row || v.function == OpKind::mse) {
    // lane_sum ends in a tree over the lanes: a step per doubling.
    const std::uint64_t trees = by_row ? v.inputs[0].rows : 1;
    const std::uint64_t summed = by_row ? v.inputs[0].columns : elements;
    cost.cycles += trees * static_cast<std::uint64_t>(std::bit_width(width - 1));
    cost.operations.additions += trees * (std::min(width, summed) - 1);
  }
  if (v.function == OpKind::cross_entropy) {
    // log(sum) - (logit - maximum) of each row, then the rows are added in order.
    const Operations row = logarithm + Operations{2, 0};
    cost.cycles += groups(v.inputs[0].rows) * row.total() + v.inputs[0].rows;
    cost.operations = cost.operations + (row + Operations{1, 0}) * v.inputs[0].rows;
  }
  return cost;
}

}  // namespace triad::tpu
