#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "models/asic/isa/descriptor.hpp"

/// What the point-wise and the update engine compute, value by value. Plain fp32 additions, multiplications and
/// divisions, each rounded to nearest even, subnormals kept, the canonical NaN delivered; in the order written.
namespace triad::asic {

/// The first stage (X1) for one element: a and b are its operands (0 where there is none).
float element(isa::Function function, float a, float b, float immediate);

/// The loss of one row: (log(sum of e^(x - max)) + max) - x[target]; the sum by numerics::lane_sum over `lanes`.
float cross_entropy_row(std::span<const float> logits, std::int32_t target, int lanes);
/// Its gradient times `scale`: (e^(x - max) / sum - (1 at the target)) * scale.
void cross_entropy_grad_row(std::span<const float> logits, std::int32_t target, float scale, int lanes, float* out);

/// SGD: velocity' = momentum * velocity + gradient (without momentum the gradient itself); parameter' = parameter -
/// learning_rate * velocity'.
struct Updated {
  float parameter, velocity;
};
Updated sgd_step(float parameter, float gradient, float velocity, float learning_rate, float momentum,
                 bool has_velocity);

}  // namespace triad::asic
