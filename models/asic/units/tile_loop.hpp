#pragma once
#include <algorithm>

#include "models/asic/geometry.hpp"

namespace triad::asic {

/// A step of a contraction: `rows` x `columns` sums over `depth` channels, and what the buffer holds of it.
struct Tile {
  std::int64_t batch = 0, row = 0, rows = 1, column = 0, columns = 1, channel = 0, depth = 1;
  bool clear = true, deliver = true;        ///< the first, the last chunk of channels of its sums
  bool a_reuse = false, b_reuse = false;    ///< the operand lies in the buffer from the tile before
  bool a_release = true, b_release = true;  ///< the next tile does not need it again
  int a_slot = 0, b_slot = 0;
};

/// Walks a contraction as its descriptor says; loaders, array and point-wise engine each have one.
class TileLoop {
 public:
  TileLoop() = default;
  explicit TileLoop(const isa::Gemm& gemm) : gemm_(gemm), done_(false) {}
  bool done() const { return done_; }

  Tile tile() const {
    Tile t;
    t.batch = batch_;
    t.row = row_, t.rows = std::min(gemm_.tile_rows, gemm_.rows - row_);
    t.column = column_, t.columns = std::min(gemm_.tile_columns, gemm_.columns - column_);
    t.channel = channel_, t.depth = std::min(gemm_.tile_depth, gemm_.depth - channel_);
    t.clear = channel_ == 0;
    t.deliver = channel_ + t.depth == gemm_.depth;
    t.a_reuse = a_reuse();
    t.b_reuse = b_reuse();
    t.a_slot = (a_loads_ + (t.a_reuse ? 1 : 0)) % 2;
    t.b_slot = (b_loads_ + (t.b_reuse ? 1 : 0)) % 2;
    TileLoop after = *this;
    after.next();
    t.a_release = after.done() || !after.a_reuse();
    t.b_release = after.done() || !after.b_reuse();
    return t;
  }
  void next() {
    a_loads_ += a_reuse() ? 0 : 1;
    b_loads_ += b_reuse() ? 0 : 1;
    if (advance(channel_, gemm_.tile_depth, gemm_.depth)) return;
    next_result();
  }
  /// Skips to the next tile of the result.
  void next_result() {
    channel_ = 0;
    const bool inner = gemm_.columns_outer ? advance(row_, gemm_.tile_rows, gemm_.rows)
                                           : advance(column_, gemm_.tile_columns, gemm_.columns);
    if (inner) return;
    const bool outer = gemm_.columns_outer ? advance(column_, gemm_.tile_columns, gemm_.columns)
                                           : advance(row_, gemm_.tile_rows, gemm_.rows);
    if (!outer && ++batch_ == gemm_.batches) done_ = true;
  }

 private:
  static bool advance(std::int64_t& at, std::int64_t by, std::int64_t end) {
    at += by;
    if (at < end) return true;
    at = 0;
    return false;
  }
  bool whole() const { return gemm_.tile_depth >= gemm_.depth; }
  bool a_reuse() const {
    if (!whole() || column_ == 0) return false;
    return !gemm_.columns_outer || gemm_.tile_rows >= gemm_.rows;
  }
  bool b_reuse() const {
    if (!whole() || row_ == 0) return false;
    return gemm_.columns_outer || gemm_.tile_columns >= gemm_.columns;
  }

  isa::Gemm gemm_;
  bool done_ = true;
  std::int64_t batch_ = 0, row_ = 0, column_ = 0, channel_ = 0;
  int a_loads_ = 0, b_loads_ = 0;
};

}  // namespace triad::asic
