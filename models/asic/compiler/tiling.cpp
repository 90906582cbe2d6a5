#include "models/asic/compiler/tiling.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "models/asic/arithmetic.hpp"

namespace triad::asic {

namespace {

/// Command fetch, programming and memory latency of a layer that is not hidden; only weighs tilings against one
/// another.
constexpr double cycles_per_layer = 64;

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

}  // namespace

std::int64_t padded_depth(std::int64_t depth, const Parameters& parameters) {
  return ceil_div(depth, parameters.gemm.atomic_c) * parameters.gemm.atomic_c;
}

Tiling choose_tiling(const Contraction& c, const Parameters& p, double memory_bytes_per_cycle) {
  const std::int64_t atomic_k = p.gemm.atomic_k, atomic_c = p.gemm.atomic_c;
  const auto banks = [&](std::int64_t vectors, std::int64_t depth) {
    const std::int64_t bytes = vectors * padded_depth(depth, p) * c.parts * 2;
    return ceil_div(bytes, static_cast<std::int64_t>(p.gemm.bank_bytes));
  };
  std::optional<Tiling> best;
  double least = 0;
  std::vector<std::int64_t> column_sizes = sizes(c.columns, atomic_k);
  column_sizes.push_back(1);  // when a kernel group of one block of channels does not fit into a bank
  for (const std::int64_t depth : sizes(c.depth, atomic_c)) {
    for (const std::int64_t columns : column_sizes) {
      // The bias of a tile lies in the operand RAM while its results pass.
      if (static_cast<std::uint64_t>(4 * columns) > p.pointwise.operand_bytes) continue;
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
        const double loads_of_rows = depth_tiles == 1 ? 1 : static_cast<double>(column_tiles);
        const double loads_of_columns = depth_tiles == 1 && column_tiles == 1 ? 1 : static_cast<double>(row_tiles);
        const double bytes =
            static_cast<double>(c.depth * c.element_bytes) *
            (static_cast<double>(c.rows) * loads_of_rows + static_cast<double>(c.columns) * loads_of_columns);
        const double cost = std::max(compute, bytes / memory_bytes_per_cycle) +
                            cycles_per_layer * static_cast<double>(row_tiles * column_tiles * depth_tiles);
        if (best && cost >= least) continue;
        least = cost;
        best = Tiling{rows, columns, depth, static_cast<int>(row_banks), static_cast<int>(column_banks)};
      }
    }
  }
  return best.value();
}

}  // namespace triad::asic
