#pragma once
#include <vector>

#include "models/tpu/isa.hpp"

namespace triad::tpu {

/// The vector unit's functions on values (README.md, "vector unit"): plain fp32 additions and multiplications, rounded
/// to nearest even, subnormals kept, the canonical NaN. Values of blocks are row-major; int32 class numbers stand as
/// they are in `classes`.
struct VectorValues {
  std::vector<std::vector<float>> inputs;
  std::vector<std::int32_t> classes;        ///< the second input of cross_entropy and its gradient
  std::vector<std::vector<float>> outputs;  ///< in: what the outputs hold (accumulate); out: the results
};
void evaluate(const Vector& instruction, int lanes, VectorValues& values);

/// fp32 operations that a function's microcode does: what its stated sequence does, a comparison or a move counting as
/// an addition. README.md has the table.
struct Operations {
  std::uint64_t additions = 0, multiplications = 0;
  std::uint64_t total() const { return additions + multiplications; }
  Operations operator+(const Operations& other) const {
    return {additions + other.additions, multiplications + other.multiplications};
  }
  Operations operator*(std::uint64_t n) const { return {additions * n, multiplications * n}; }
};

/// What an instruction costs.
struct Cost {
  Operations operations;     ///< all of them
  std::uint64_t cycles = 0;  ///< in which it takes the lanes
};
Cost cost(const Vector& instruction, int lanes);

}  // namespace triad::tpu
