#include "models/tpu/units/vector_functions.hpp"

#include <algorithm>
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

int operations_per_element(OpKind function) {
  switch (function) {
    case OpKind::mse_grad:
      return 2;  // subtract, multiply
    case OpKind::mse:
      return 3;  // subtract, multiply, add
    case OpKind::sgd:
      return 4;  // two multiplications, two additions
    case OpKind::cross_entropy:
      return 20;  // maximum, subtract, exponential (17), add
    case OpKind::cross_entropy_grad:
      return 30;  // the same, divide (8), subtract, multiply
    default:
      return 1;
  }
}

bool ends_in_tree(OpKind function) {
  return function == OpKind::mse || function == OpKind::cross_entropy || function == OpKind::cross_entropy_grad;
}

}  // namespace triad::tpu
