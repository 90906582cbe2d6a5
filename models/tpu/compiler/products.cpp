#include <algorithm>
#include <span>

#include "models/tpu/compiler/lower.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

void emit_product(Emitter& emitter, const Block& left, const Block& right, const Block& result, bool accumulate) {
  const Parameters& p = emitter.parameters();
  const std::span<const numerics::Pass> passes = left.format == Format::bf16
                                                     ? std::span<const numerics::Pass>(numerics::bf16_passes)
                                                     : std::span<const numerics::Pass>(numerics::fp32_passes);
  const auto rows = static_cast<std::uint64_t>(p.mxu.rows), columns = static_cast<std::uint64_t>(p.mxu.columns);
  const auto units = static_cast<std::uint64_t>(p.mxu.count);
  // Blocks of columns go round the matrix units; where there are fewer, each is cut into parts of rows that are not
  // shorter than a weight tile takes to load.
  const std::uint64_t blocks = (right.columns + columns - 1) / columns;
  const std::uint64_t parts =
      std::clamp<std::uint64_t>(std::min(units / blocks, left.rows / rows), 1, std::max<std::uint64_t>(left.rows, 1));
  const std::uint64_t height = (left.rows + parts - 1) / parts;
  if (!accumulate) emitter.next_matrix_unit(blocks * parts);
  struct Share {
    int mxu;
    std::uint64_t row, rows, column, columns;
  };
  std::vector<Share> shares;
  for (std::uint64_t block = 0; block < blocks; ++block) {
    for (std::uint64_t row = 0; row < left.rows; row += height) {
      shares.push_back({static_cast<int>((emitter.first_matrix_unit() + shares.size()) % units), row,
                        std::min(height, left.rows - row), block * columns,
                        std::min(columns, right.columns - block * columns)});
    }
  }
  const Emitter::Accesses of_weights = {Emitter::access(right, false)},
                          of_rows = {Emitter::access(left, false), Emitter::access(result, true)};
  for (std::uint64_t k = 0; k < left.columns; k += rows) {
    const std::uint64_t depth = std::min(rows, left.columns - k);
    // In groups of one share per matrix unit: each keeps its weights for the passes that share them.
    for (std::size_t group = 0; group < shares.size(); group += units) {
      for (std::size_t pass = 0; pass < passes.size(); ++pass) {
        const bool swap = pass == 0 || passes[pass].b != passes[pass - 1].b;
        for (std::size_t i = group; i < std::min(shares.size(), group + units); ++i) {
          const Share& share = shares[i];
          if (swap) {
            emitter.emit(p.weights_unit(share.mxu),
                         LoadWeights{right.part(k, share.column, depth, share.columns), passes[pass].b}, of_weights);
          }
          emitter.emit(p.matrix_unit(share.mxu),
                       MatrixMultiply{left.part(share.row, k, share.rows, depth), passes[pass].a,
                                      result.part(share.row, share.column, share.rows, share.columns),
                                      accumulate || k > 0 || pass > 0, swap, pass + 1 == passes.size()},
                       of_rows);
        }
      }
    }
  }
}

namespace {

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
  return (value + to - 1) / to * to;
}

/// An operand of a product: matrices [rows, width] one behind the other, perhaps read transposed, through the transpose
/// unit.
class Operand {
 public:
  Operand(Emitter& emitter, graph::TensorId tensor, std::uint64_t rows, std::uint64_t width, bool transposed,
          std::uint64_t tile_elements)
      : emitter_(emitter),
        stored_(emitter, tensor, tile_elements),
        rows_(rows),
        width_(width),
        format_(emitter.tensor(tensor).format),
        transposed_(transposed) {
    if (!transposed) return;
    for (Turned& turned : turned_) turned.address = emitter.reserve(tile_elements * emitter.element_bytes(tensor));
  }

  /// Rows and columns of the (transposed) matrix number `batch`.
  Block fetch(std::uint64_t batch, std::uint64_t row, std::uint64_t column, std::uint64_t rows, std::uint64_t columns) {
    const std::uint64_t offset = batch * rows_ * width_;
    if (!transposed_) {
      return matrix_block(stored_.fetch(matrix_region(offset, width_, row, column, rows, columns)), rows, columns);
    }
    const Region region = matrix_region(offset, width_, column, row, columns, rows);
    for (const Turned& turned : turned_) {
      if (turned.full && turned.region == region) return block(turned.address, rows, columns);
    }
    Turned& slot = turned_[next_];
    next_ = (next_ + 1) % buffers;
    slot.region = region;
    slot.full = true;
    const Block from = matrix_block(stored_.fetch(region), columns, rows), to = block(slot.address, rows, columns);
    emitter_.emit(emitter_.parameters().transpose_unit(), Transpose{from, to});
    return to;
  }

  static std::uint64_t staging(const Emitter& emitter, graph::TensorId tensor, bool transposed,
                               std::uint64_t elements) {
    return Input::staging(emitter, tensor, elements) +
           (transposed ? buffers * aligned(elements * emitter.element_bytes(tensor)) : 0);
  }

 private:
  struct Turned {
    std::uint64_t address = 0;
    Region region;
    bool full = false;
  };
  Block block(std::uint64_t address, std::uint64_t rows, std::uint64_t columns) const {
    return {address, rows, columns, columns * static_cast<std::uint64_t>(numerics::bytes_of(format_)), format_};
  }
  Emitter& emitter_;
  Input stored_;
  std::uint64_t rows_, width_;
  Format format_;
  bool transposed_;
  Turned turned_[buffers];
  int next_ = 0;
};

struct Tiling {
  std::uint64_t m, n, k;
};

/// The largest tiles that fit: starting from the whole product (k at most four arrays deep, so that loading the next
/// block overlaps with computing this one), the largest side is halved until the staging buffers hold it.
Tiling choose(const Emitter& emitter, const graph::Op& op, Tiling whole, bool transpose_a, bool transpose_b) {
  const auto rows = static_cast<std::uint64_t>(emitter.parameters().mxu.rows);
  const auto columns = static_cast<std::uint64_t>(emitter.parameters().mxu.columns);
  const std::uint64_t room = emitter.staging_bytes();
  Tiling tile{whole.m, whole.n, std::min(whole.k, 4 * rows)};
  const auto bytes = [&] {
    return Operand::staging(emitter, op.inputs[0], transpose_a, tile.m * tile.k) +
           Operand::staging(emitter, op.inputs[1], transpose_b, tile.k * tile.n) +
           Output::staging(emitter, op.outputs[0], tile.m * tile.n);
  };
  const auto halve = [](std::uint64_t side, std::uint64_t unit) {
    return std::max(round_up((side + 1) / 2, unit), std::uint64_t{1});
  };
  while (bytes() > room) {
    if (tile.m >= tile.n && tile.m >= tile.k && tile.m > 1) {
      tile.m = (tile.m + 1) / 2;
    } else if (tile.n >= tile.k && tile.n > columns) {
      tile.n = std::min(tile.n - 1, halve(tile.n, columns));
    } else if (tile.k > rows) {
      tile.k = std::min(tile.k - 1, halve(tile.k, rows));
    } else if (tile.n > columns) {
      tile.n = std::min(tile.n - 1, halve(tile.n, columns));
    } else if (tile.m > 1) {
      tile.m = (tile.m + 1) / 2;
    } else if (tile.k > 1) {
      tile.k = (tile.k + 1) / 2;
    } else if (tile.n > 1) {
      tile.n = (tile.n + 1) / 2;
    } else {
      break;  // Emitter::reserve says so
    }
  }
  return tile;
}

}  // namespace

void lower_matmul(Emitter& emitter, const graph::Op& op) {
  const bool transpose_a = op.flag("transpose_a"), transpose_b = op.flag("transpose_b");
  const graph::Shape &a_shape = emitter.tensor(op.inputs[0]).shape, &c_shape = emitter.tensor(op.outputs[0]).shape;
  const std::size_t rank = c_shape.size();
  const auto m = static_cast<std::uint64_t>(c_shape[rank - 2]), n = static_cast<std::uint64_t>(c_shape[rank - 1]);
  const auto k = static_cast<std::uint64_t>(a_shape[rank - (transpose_a ? 2 : 1)]);
  const auto batches = static_cast<std::uint64_t>(graph::elements(c_shape)) / (m * n);

  const Tiling tile = choose(emitter, op, {m, n, k}, transpose_a, transpose_b);
  Operand a(emitter, op.inputs[0], transpose_a ? k : m, transpose_a ? m : k, transpose_a, tile.m * tile.k);
  Operand b(emitter, op.inputs[1], transpose_b ? n : k, transpose_b ? k : n, transpose_b, tile.k * tile.n);
  Output c(emitter, op.outputs[0], tile.m * tile.n);
  if (emitter.planning()) return;

  for (std::uint64_t batch = 0; batch < batches; ++batch) {
    for (std::uint64_t m0 = 0; m0 < m; m0 += tile.m) {
      const std::uint64_t tm = std::min(tile.m, m - m0);
      for (std::uint64_t n0 = 0; n0 < n; n0 += tile.n) {
        const std::uint64_t tn = std::min(tile.n, n - n0);
        const Block result = matrix_block(c.open(matrix_region(batch * m * n, n, m0, n0, tm, tn)), tm, tn);
        for (std::uint64_t k0 = 0; k0 < k; k0 += tile.k) {
          const std::uint64_t tk = std::min(tile.k, k - k0);
          const Block left = a.fetch(batch, m0, k0, tm, tk);
          emit_product(emitter, left, b.fetch(batch, k0, n0, tk, tn), result, k0 > 0);
        }
        c.close();
      }
    }
  }
}

}  // namespace triad::tpu
