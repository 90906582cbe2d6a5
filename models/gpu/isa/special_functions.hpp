#pragma once
#include "models/gpu/isa/instruction.hpp"

namespace triad::gpu {

/// The special function unit: each function is the fp32 sequence stated in special_functions.cpp (every step rounded to
/// nearest even), not the host's libm. Subnormals are kept on both sides; NaN in or outside the domain gives NaN. Error
/// at most 2 units in the last place of a normal result (for lg2 near 1, of the value), tested against the host in
/// double.
///   ex2: 2^x   lg2: log2 x, lg2(+-0) = -inf   rcp: 1/x, rcp(+-0) = +-inf   rsq: 1/sqrt(x), rsq(+-0) = +-inf   sqrt
float special_function(Function function, float x);

}  // namespace triad::gpu
