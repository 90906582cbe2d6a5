#include "models/asic/compiler/tiling.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "models/asic/arithmetic.hpp"

namespace triad::asic {

namespace {

/// Memory latency of a tile that is not hidden; only weighs tilings against one another.
constexpr double cycles_per_tile = 64;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// unit, 2 unit, 4 unit, ... below `whole`, and `whole` itself.
std::vector<std::int64_t> sizes(std::int64_t whole, std::int64_t unit) {
  std::vector<std::int64_t> result;
  for (std::int64_t size = unit; size < whole; size *= 2) result.push_back(size);
  result.push_back(whole);
  return result;
}

/// Bytes of the memory's time that a byte of a tile takes: a run of vectors side by side may be shorter than an access,
/// and runs a power of two apart may all lie in a few of the memory's channels.
double weight(const MemoryPort& memory, std::int64_t run_bytes, std::int64_t pitch) {
  if (pitch == 0) return 1;
  const double waste = static_cast<double>(std::max(run_bytes, memory.access)) / static_cast<double>(run_bytes);
  if (pitch % memory.interleave != 0) return waste;
  const std::int64_t channels = memory.channels;
  const std::int64_t apart = channels / std::gcd(channels, pitch / memory.interleave);
  const std::int64_t covered = std::min(channels, apart * ceil_div(run_bytes, memory.interleave));
  return waste * static_cast<double>(channels) / static_cast<double>(covered);
}

}  // namespace

std::int64_t padded_depth(std::int64_t depth, const Parameters& parameters) {
  return ceil_div(depth, parameters.gemm.atomic_c) * parameters.gemm.atomic_c;
}

Tiling choose_tiling(const Contraction& c, const Parameters& p, const MemoryPort& memory) {
  const std::int64_t atomic_k = p.gemm.atomic_k, atomic_c = p.gemm.atomic_c;
  const auto banks = [&](std::int64_t vectors, std::int64_t depth) {
    const std::int64_t bytes = vectors * padded_depth(depth, p) * c.parts * 2;
    return ceil_div(bytes, static_cast<std::int64_t>(p.gemm.bank_bytes));
  };
  const double lines_per_cycle = std::max(1, p.gemm.loader_lanes / p.gemm.atomic_c);
  std::optional<Tiling> best;
  double least = 0;
  std::vector<std::int64_t> column_sizes = sizes(c.columns, atomic_k);
  column_sizes.push_back(1);  // when a kernel group of one block of channels does not fit into a bank
  for (const std::int64_t depth : sizes(c.depth, atomic_c)) {
    for (const std::int64_t columns : column_sizes) {
      for (const std::int64_t rows : sizes(c.rows, 1)) {
        const std::int64_t row_banks = banks(rows, depth), column_banks = banks(columns, depth);
        if (2 * (row_banks + column_banks) > p.gemm.banks) continue;
        if (rows * ceil_div(columns, atomic_k) * atomic_k > p.gemm.accumulators) continue;
        const std::int64_t row_tiles = ceil_div(c.rows, rows), column_tiles = ceil_div(c.columns, columns),
                           depth_tiles = ceil_div(c.depth, depth);
        // An operation takes a cycle per row, or as long as the next weights or its sums take (units/mac_array.hpp).
        const std::int64_t weights = std::min(columns, atomic_k) + p.gemm.buffer_cycles;
        const std::int64_t operation = std::max({rows, weights, std::int64_t{p.gemm.accumulate_cycles}});
        const double compute =
            static_cast<double>(row_tiles * column_tiles * depth_tiles) *
            static_cast<double>(ceil_div(columns, atomic_k) * ceil_div(depth, atomic_c) * operation) *
            static_cast<double>(passes(c.parts).size());
        const double tiles = static_cast<double>(row_tiles * column_tiles * depth_tiles);
        for (const bool columns_outer : {false, true}) {
          const bool whole = depth_tiles == 1;
          const bool rows_stay = whole && (columns_outer ? row_tiles == 1 : true);
          const bool columns_stay = whole && (columns_outer ? true : column_tiles == 1);
          const double row_loads = rows_stay ? 1 : static_cast<double>(column_tiles);
          const double column_loads = columns_stay ? 1 : static_cast<double>(row_tiles);
          const auto load = [&](std::int64_t vectors, std::int64_t tile, double loads, double share,
                                std::int64_t pitch) {
            const double elements = static_cast<double>(vectors * c.depth) * share * loads;
            const double lines =
                static_cast<double>(vectors * ceil_div(depth, atomic_c) * depth_tiles * c.parts) * loads;
            return std::pair{elements * c.element_bytes * weight(memory, tile * c.element_bytes, pitch),
                             std::max(elements / p.gemm.loader_lanes, lines / lines_per_cycle)};
          };
          const auto [row_bytes, row_cycles] = load(c.rows, rows, row_loads, c.row_share, c.row_pitch);
          const auto [column_bytes, column_cycles] =
              load(c.columns, columns, column_loads, c.column_share, c.column_pitch);
          const double cost =
              std::max({compute, (row_bytes + column_bytes) / memory.bytes_per_cycle, row_cycles, column_cycles}) +
              cycles_per_tile * tiles;
          if (best && cost >= least) continue;
          least = cost;
          best =
              Tiling{rows, columns, depth, static_cast<int>(row_banks), static_cast<int>(column_banks), columns_outer};
        }
      }
    }
  }
  return best.value();
}

}  // namespace triad::asic
