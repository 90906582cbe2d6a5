#include "models/asic/units/functions.hpp"

#include <algorithm>

#include "sim/numerics/elementary.hpp"

namespace triad::asic {

using numerics::canonical;

float element(isa::Function function, float a, float b, float immediate) {
  using isa::Function;
  switch (function) {
    case Function::add:
      return canonical(a + b);
    case Function::subtract:
      return canonical(a - b);
    case Function::multiply:
      return canonical(a * b);
    case Function::scale:
      return canonical(a * immediate);
    case Function::relu_grad:
      return a > 0 ? b : 0.0f;
    case Function::mse_grad:
      return canonical(canonical(a - b) * immediate);
    case Function::repeat:
      return b;
    default:
      return a;
  }
}

namespace {

/// e^(x - max) of a row, and the sum.
float exponentials(std::span<const float> logits, int lanes, std::vector<float>& values, float& most) {
  most = logits[0];
  for (const float x : logits) most = x > most || x != x ? x : most;
  values.resize(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) values[i] = numerics::exponential(logits[i] - most);
  return numerics::lane_sum(values, lanes);
}

}  // namespace

float cross_entropy_row(std::span<const float> logits, std::int32_t target, int lanes) {
  std::vector<float> values;
  float most;
  const float sum = exponentials(logits, lanes, values, most);
  return canonical((numerics::logarithm(sum) + most) - logits[static_cast<std::size_t>(target)]);
}

void cross_entropy_grad_row(std::span<const float> logits, std::int32_t target, float scale, int lanes, float* out) {
  std::vector<float> values;
  float most;
  const float sum = exponentials(logits, lanes, values, most);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float one = i == static_cast<std::size_t>(target) ? 1.0f : 0.0f;
    out[i] = canonical((values[i] / sum - one) * scale);
  }
}

Updated sgd_step(float parameter, float gradient, float velocity, float learning_rate, float momentum,
                 bool has_velocity) {
  const float next = has_velocity ? canonical(canonical(momentum * velocity) + gradient) : gradient;
  return {canonical(parameter - canonical(learning_rate * next)), next};
}

}  // namespace triad::asic
