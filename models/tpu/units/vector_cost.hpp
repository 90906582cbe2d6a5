#pragma once
#include "models/tpu/isa.hpp"

namespace triad::tpu {

/// fp32 operations of lanes. A comparison, a selection, an integer operation count as an addition.
struct Operations {
  std::uint64_t additions = 0, multiplications = 0;
  std::uint64_t total() const { return additions + multiplications; }
  Operations operator+(const Operations& other) const {
    return {additions + other.additions, multiplications + other.multiplications};
  }
  Operations operator*(std::uint64_t n) const { return {additions * n, multiplications * n}; }
};

/// What a function's microcode does per element, counted from its stated sequence; README.md has the table. 0 for what
/// is read or given; row reductions count what they do per element, without the tree.
Operations operations(graph::Function function);

/// Axes of the space along which each term of a formula varies: bit i for axis i. A term is computed once for each
/// point of these axes.
std::vector<std::uint32_t> axes_of_terms(const graph::Formula& formula);

/// Are rows summed by a tree over the lanes (the last axis is reduced), or each by one lane in order (the lanes then
/// hold neighbouring rows)?
bool sums_by_tree(const graph::Formula& formula);

/// What an instruction of the vector unit costs.
struct Cost {
  Operations operations;
  std::uint64_t cycles = 0;      ///< in which it takes the lanes
  std::uint64_t vmem_bytes = 0;  ///< read and written
};
Cost cost(const Vector& instruction, int lanes);
Cost cost(const Window& instruction, int lanes);
Cost cost(const ScatterAdd& instruction, int lanes);

}  // namespace triad::tpu
