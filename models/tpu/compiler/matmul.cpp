#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "models/tpu/compiler/lower.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

namespace {

std::uint64_t round_up(std::uint64_t value, std::uint64_t to) {
  return (value + to - 1) / to * to;
}

struct Tiling {
  std::uint64_t m, n, k;
};

/// The largest tiles that fit: starting from the whole product (k at most four arrays deep, so that loading the next
/// block overlaps with computing this one), the largest side is halved until the staging buffers hold it.
Tiling choose(const Emitter& emitter, const graph::Op& op, Tiling whole, bool transpose_a, bool transpose_b) {
  const auto rows = static_cast<std::uint64_t>(emitter.parameters().mxu.rows);
  const auto columns = static_cast<std::uint64_t>(emitter.parameters().mxu.columns);
  const std::uint64_t a = Source::staging(emitter, op.inputs[0], transpose_a);
  const std::uint64_t b = Source::staging(emitter, op.inputs[1], transpose_b);
  const std::uint64_t c = Sink::staging(emitter, op.outputs[0]);
  // Six buffers are aligned; leave room for it.
  const std::uint64_t room = emitter.staging_bytes() - std::min(emitter.staging_bytes(), 10 * Residency::alignment);
  Tiling tile{whole.m, whole.n, std::min(whole.k, 4 * rows)};
  const auto halve = [](std::uint64_t side, std::uint64_t unit) {
    return std::max(round_up((side + 1) / 2, unit), std::uint64_t{1});
  };
  while (a * tile.m * tile.k + b * tile.k * tile.n + c * tile.m * tile.n > room) {
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
    } else {
      throw device::Unsupported(
          fmt::format("{}: a tile of 1 x {} x {} does not fit into {} bytes of staging memory (vmem.size)", op.name,
                      tile.n, tile.k, emitter.staging_bytes()));
    }
  }
  return tile;
}

}  // namespace

void lower_matmul(Emitter& emitter, const graph::Op& op) {
  const Parameters& p = emitter.parameters();
  const bool transpose_a = op.flag("transpose_a"), transpose_b = op.flag("transpose_b");
  const graph::Shape &a_shape = emitter.tensor(op.inputs[0]).shape, &c_shape = emitter.tensor(op.outputs[0]).shape;
  const auto m = static_cast<std::uint64_t>(c_shape[0]), n = static_cast<std::uint64_t>(c_shape[1]);
  const auto k = static_cast<std::uint64_t>(a_shape[transpose_a ? 0 : 1]);
  const Format format = emitter.tensor(op.inputs[0]).format;
  if (format != Format::fp32 && format != Format::bf16) {
    throw device::Unsupported(fmt::format("{}: matrix units multiply bf16, and fp32 in six passes; not {}", op.name,
                                          numerics::to_string(format)));
  }
  const std::span<const numerics::Pass> passes = format == Format::bf16
                                                     ? std::span<const numerics::Pass>(numerics::bf16_passes)
                                                     : std::span<const numerics::Pass>(numerics::fp32_passes);

  const Tiling tile = choose(emitter, op, {m, n, k}, transpose_a, transpose_b);
  Source a(emitter, op.inputs[0], transpose_a ? m : k, transpose_a, tile.m * tile.k);
  Source b(emitter, op.inputs[1], transpose_b ? k : n, transpose_b, tile.k * tile.n);
  Sink c(emitter, op.outputs[0], n, tile.m * tile.n);
  const auto rows = static_cast<std::uint64_t>(p.mxu.rows), columns = static_cast<std::uint64_t>(p.mxu.columns);
  const auto units = static_cast<std::uint64_t>(p.mxu.count);

  for (std::uint64_t m0 = 0; m0 < m; m0 += tile.m) {
    const std::uint64_t tm = std::min(tile.m, m - m0);
    for (std::uint64_t n0 = 0; n0 < n; n0 += tile.n) {
      const std::uint64_t tn = std::min(tile.n, n - n0);
      const Tile out{m0, n0, tm, tn};
      const Block result = c.open(out);
      for (std::uint64_t k0 = 0; k0 < k; k0 += tile.k) {
        const std::uint64_t tk = std::min(tile.k, k - k0);
        const Block left = a.fetch({m0, k0, tm, tk});
        const Block right = b.fetch({k0, n0, tk, tn});
        for (std::uint64_t kk = 0; kk < tk; kk += rows) {
          const std::uint64_t depth = std::min(rows, tk - kk);
          // Column blocks in groups of one per matrix unit: each keeps its weights for the passes that share them.
          for (std::uint64_t group = 0; group < tn; group += columns * units) {
            for (std::size_t pass = 0; pass < passes.size(); ++pass) {
              const bool swap = pass == 0 || passes[pass].b != passes[pass - 1].b;
              for (std::uint64_t i = 0; i < units && group + i * columns < tn; ++i) {
                const std::uint64_t nn = group + i * columns, width = std::min(columns, tn - nn);
                const int mxu = static_cast<int>(i);
                if (swap)
                  emitter.emit(p.weights_unit(mxu), LoadWeights{right.part(kk, nn, depth, width), passes[pass].b});
                emitter.emit(p.matrix_unit(mxu),
                             MatrixMultiply{left.part(0, kk, tm, depth), passes[pass].a, result.part(0, nn, tm, width),
                                            k0 > 0 || kk > 0 || pass > 0, swap, pass + 1 == passes.size()});
              }
            }
          }
        }
      }
      c.close(out, result);
    }
  }
}

}  // namespace triad::tpu
