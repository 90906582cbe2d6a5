#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

namespace triad::memory::cache {

/// The line's number with all bits above the index folded onto it by XOR: index bits i of the result are the XOR of
/// bits i, i + n, i + 2n, ... So strides by powers of two, which fall into one set by plain modulo, spread over all
/// (Gonzalez, Valero, Topham, Parcerisa: Eliminating cache conflict misses through XOR-based placement functions, ICS
/// 1997). Within an aligned block of 2^n lines it is a permutation.
inline std::uint64_t xor_fold(std::uint64_t line, int index_bits) {
  for (std::uint64_t above = line >> index_bits; above != 0; above >>= index_bits) line ^= above;
  return line;
}

/// Set of a line: its number, folded when `hashed`, modulo the number of sets, which need not be a power of two (then
/// the sets of an aligned block of 2^n lines, 2^n the next power of two, are used once or twice each).
inline std::uint64_t set_index(std::uint64_t line, std::uint64_t sets, bool hashed) {
  if (hashed) line = xor_fold(line, std::max(1, static_cast<int>(std::bit_width(sets - 1))));
  return std::has_single_bit(sets) ? line & (sets - 1) : line % sets;
}

}  // namespace triad::memory::cache
