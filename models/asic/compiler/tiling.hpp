#pragma once
#include <compare>
#include <cstdint>

#include "models/asic/parameters.hpp"

namespace triad::asic {

/// A contraction as the GEMM engine sees it: `rows` positions, `columns` kernels, `depth` channels, operands in
/// `parts`. Of an image that windows look at, only a share of the operand's elements lies in memory.
struct Contraction {
  std::int64_t rows = 1, columns = 1, depth = 1;
  int parts = 1;
  int element_bytes = 2;  ///< in memory
  double row_share = 1, column_share = 1;
  /// Of an operand whose vectors lie side by side in memory: bytes from one channel to the next. 0: its channels do.
  std::int64_t row_pitch = 0, column_pitch = 0;
  auto operator<=>(const Contraction&) const = default;
};

/// The size of a tile, and the banks of one slot of each operand. Two slots of each fit into the buffer, so the loaders
/// fill one while the array reads the other.
struct Tiling {
  std::int64_t rows = 1, columns = 1, depth = 1;
  int row_banks = 1, column_banks = 1;
  bool columns_outer = false;  ///< a tile of kernels stays while all rows pass
};

/// Channels as the buffer stores them: padded to whole blocks of atomic_c.
std::int64_t padded_depth(std::int64_t depth, const Parameters& parameters);

/// Device memory as the loaders see it.
struct MemoryPort {
  double bytes_per_cycle = 1;
  int channels = 1;
  std::int64_t interleave = 256, access = 32;
};

/// Picks the tiles with the least estimated time: the largest of the array's cycles, the memory's and the loaders',
/// plus a latency per tile. Every contraction fits: the smallest tile is one row and one kernel of one block of
/// channels.
Tiling choose_tiling(const Contraction& contraction, const Parameters& parameters, const MemoryPort& memory);

}  // namespace triad::asic
