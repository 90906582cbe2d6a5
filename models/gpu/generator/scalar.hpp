#pragma once
#include "models/gpu/generator/writer.hpp"
#include "sim/graph/formula.hpp"

namespace triad::gpu::generator {

/// Writes the value of a scalar function (graph::Function add to round, not operands, constants, coordinates or
/// reductions) of the given arguments. Arithmetic is one instruction of fp32, rounded to nearest even, never fused.
Name write_function(Writer& writer, graph::Function function, const Name& a, const Name& b, const Name& c);

/// a > b (a == b) as a predicate register.
Name write_comparison(Writer& writer, graph::Function function, const Name& a, const Name& b);

/// numerics::uniform(seed, step, index): `step` is an fp32, `index` a word.
Name write_uniform(Writer& writer, std::uint32_t seed, const Name& step, const Name& index);

}  // namespace triad::gpu::generator
