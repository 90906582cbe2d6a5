#pragma once
#include <cmath>

#include "sim/numerics/format.hpp"

/// The arithmetic of a matrix unit or MAC array: fp32 steps, each rounded to nearest even, subnormals flushed in and
/// out, one canonical NaN. Never a host FMA: with flushing the two differ.
namespace triad::numerics {

/// a * b in fp32, subnormals flushed on both sides.
inline float multiply_flushed(float a, float b) {
  return canonical(flush(flush(a) * flush(b)));
}

/// a + b in fp32, subnormals flushed on both sides.
inline float add_flushed(float a, float b) {
  return canonical(flush(flush(a) + flush(b)));
}

/// One MAC step: sum + a * b. With bf16 operands the product is exact, so a column of MACs is a chain of additions.
inline float mac(float sum, float a, float b) {
  return add_flushed(sum, multiply_flushed(a, b));
}

}  // namespace triad::numerics
