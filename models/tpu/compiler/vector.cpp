#include <fmt/core.h>

#include <algorithm>

#include "models/tpu/compiler/lower.hpp"
#include "sim/device/device.hpp"
#include "sim/graph/op.hpp"

namespace triad::tpu {

using graph::OpKind;
using graph::TensorId;

namespace {

std::uint64_t size(const Emitter& emitter, TensorId id) {
  return static_cast<std::uint64_t>(graph::elements(emitter.tensor(id).shape));
}

/// How an op is looked at: matrices of `columns` columns, cut into tiles of `tile_rows` x `tile_columns`.
struct View {
  std::uint64_t rows, columns, tile_rows, tile_columns;
};

/// The largest tiles that the staging buffers hold; `bytes` staging bytes per element. `whole_rows`: a row must not be
/// cut.
View choose(const Emitter& emitter, const graph::Op& op, std::uint64_t rows, std::uint64_t columns, std::uint64_t bytes,
            bool whole_rows) {
  const std::uint64_t room = emitter.staging_bytes() - std::min(emitter.staging_bytes(), 16 * Residency::alignment);
  const std::uint64_t elements = bytes == 0 ? rows * columns : room / bytes;
  if (elements >= rows * columns) return {rows, columns, rows, columns};
  if (elements >= columns) return {rows, columns, elements / columns, columns};
  if (whole_rows || elements == 0) {
    throw device::Unsupported(
        fmt::format("{}: a row of {} elements does not fit into {} bytes of staging memory (vmem.size)", op.name,
                    columns, emitter.staging_bytes()));
  }
  return {rows, columns, 1, elements};
}

template <class Visit>
void for_tiles(const View& view, Visit visit) {
  // Rows innermost: a reduction over rows finishes a block of columns before it begins the next.
  for (std::uint64_t column = 0; column < view.columns; column += view.tile_columns) {
    for (std::uint64_t row = 0; row < view.rows; row += view.tile_rows) {
      visit(Tile{row, column, std::min(view.tile_rows, view.rows - row),
                 std::min(view.tile_columns, view.columns - column)});
    }
  }
}

/// Element-wise functions: every input has the output's elements, but for a second one that may broadcast.
void lower_elements(Emitter& emitter, const graph::Op& op, float scale, float momentum) {
  const std::uint64_t elements = size(emitter, op.outputs[0]);
  const bool repeats = op.kind == OpKind::broadcast;
  const std::size_t small = repeats ? 0 : 1;  // the input that may broadcast
  Broadcast broadcast = Broadcast::none;
  std::uint64_t columns = elements;
  if (op.inputs.size() > small && size(emitter, op.inputs[small]) < elements) {
    const std::uint64_t n = size(emitter, op.inputs[small]);
    broadcast = n == 1 ? Broadcast::scalar : Broadcast::row;
    if (n > 1) columns = n;
  }
  std::uint64_t bytes = 0;
  for (const TensorId id : op.inputs) bytes += Source::staging(emitter, id, false);
  for (const TensorId id : op.outputs) bytes += Sink::staging(emitter, id);
  const View view = choose(emitter, op, elements / columns, columns, bytes, false);
  const std::uint64_t tile_elements = view.tile_rows * view.tile_columns;

  std::vector<Source> sources;
  std::vector<Sink> sinks;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const bool is_small = i == small && broadcast != Broadcast::none;
    const bool is_scalar = is_small && broadcast == Broadcast::scalar;
    sources.emplace_back(emitter, op.inputs[i], is_scalar ? 1 : columns, false,
                         is_scalar  ? 1
                         : is_small ? view.tile_columns
                                    : tile_elements);
  }
  for (const TensorId id : op.outputs) sinks.emplace_back(emitter, id, columns, tile_elements);
  for_tiles(view, [&](const Tile& tile) {
    Vector v{op.kind, {}, {}, broadcast, false, scale, momentum};
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (i == small && broadcast == Broadcast::scalar) {
        v.inputs.push_back(sources[i].fetch({0, 0, 1, 1}));
      } else if (i == small && broadcast == Broadcast::row) {
        v.inputs.push_back(sources[i].fetch({0, tile.column, 1, tile.columns}));
      } else {
        v.inputs.push_back(sources[i].fetch(tile));
      }
    }
    for (Sink& sink : sinks) v.outputs.push_back(sink.open(tile));
    const std::vector<Block> outputs = v.outputs;
    emitter.emit(emitter.parameters().vector_unit(), std::move(v));
    for (std::size_t i = 0; i < sinks.size(); ++i) sinks[i].close(tile, outputs[i]);
  });
}

/// Reductions to one row (reduce_sum) or one scalar (losses): tiles are accumulated in order of rows; the sum is scaled
/// with the last one. The losses' second operand is a column of class numbers (cross_entropy) or a matrix like the
/// first (mse).
void lower_reduction(Emitter& emitter, const graph::Op& op, std::uint64_t columns, float scale) {
  const bool to_row = op.kind == OpKind::reduce_sum, by_class = op.kind == OpKind::cross_entropy;
  const std::uint64_t elements = size(emitter, op.inputs[0]);
  std::uint64_t bytes = 0;
  for (const TensorId id : op.inputs) bytes += Source::staging(emitter, id, false);
  if (to_row) bytes += Sink::staging(emitter, op.outputs[0]);
  const View view = choose(emitter, op, elements / columns, columns, bytes, by_class);
  std::vector<Source> sources;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    const bool classes = by_class && i == 1;
    sources.emplace_back(emitter, op.inputs[i], classes ? 1 : columns, false,
                         classes ? view.tile_rows : view.tile_rows * view.tile_columns);
  }
  Sink sink(emitter, op.outputs[0], to_row ? columns : 1, to_row ? view.tile_columns : 1);
  Block out;
  for_tiles(view, [&](const Tile& tile) {
    const Tile result = to_row ? Tile{0, tile.column, 1, tile.columns} : Tile{0, 0, 1, 1};
    const bool first = to_row ? tile.row == 0 : tile.row == 0 && tile.column == 0;
    const bool last = tile.row + tile.rows == view.rows && (to_row || tile.column + tile.columns == view.columns);
    if (first) out = sink.open(result);
    Vector v{op.kind, {}, {out}, Broadcast::none, !first, last ? scale : 1.0f, 0};
    for (std::size_t i = 0; i < sources.size(); ++i) {
      v.inputs.push_back(sources[i].fetch(by_class && i == 1 ? Tile{tile.row, 0, tile.rows, 1} : tile));
    }
    emitter.emit(emitter.parameters().vector_unit(), std::move(v));
    if (last) sink.close(result, out);
  });
}

/// (softmax(logits) - one_hot(classes)) / rows, whole rows at a time.
void lower_cross_entropy_grad(Emitter& emitter, const graph::Op& op, float scale) {
  const auto columns = static_cast<std::uint64_t>(emitter.tensor(op.inputs[0]).shape.back());
  const std::uint64_t bytes = Source::staging(emitter, op.inputs[0], false) +
                              Source::staging(emitter, op.inputs[1], false) + Sink::staging(emitter, op.outputs[0]);
  const View view = choose(emitter, op, size(emitter, op.inputs[0]) / columns, columns, bytes, true);
  Source logits(emitter, op.inputs[0], columns, false, view.tile_rows * columns);
  Source classes(emitter, op.inputs[1], 1, false, view.tile_rows);
  Sink sink(emitter, op.outputs[0], columns, view.tile_rows * columns);
  for_tiles(view, [&](const Tile& tile) {
    const Block out = sink.open(tile);
    emitter.emit(emitter.parameters().vector_unit(),
                 Vector{op.kind,
                        {logits.fetch(tile), classes.fetch({tile.row, 0, tile.rows, 1})},
                        {out},
                        Broadcast::none,
                        false,
                        scale,
                        0});
    sink.close(tile, out);
  });
}

}  // namespace

void lower_vector(Emitter& emitter, const graph::Op& op) {
  const std::uint64_t first = size(emitter, op.inputs[0]);
  switch (op.kind) {
    case OpKind::add:
    case OpKind::subtract:
    case OpKind::multiply:
    case OpKind::relu:
    case OpKind::relu_grad:
    case OpKind::broadcast:
    case OpKind::cast:
      return lower_elements(emitter, op, 1, 0);
    case OpKind::scale:
      return lower_elements(emitter, op, static_cast<float>(op.number("factor")), 0);
    case OpKind::mse_grad:
      return lower_elements(emitter, op, 2.0f / static_cast<float>(first), 0);
    case OpKind::sgd:
      return lower_elements(emitter, op, static_cast<float>(op.number("learning_rate")),
                            static_cast<float>(op.number("momentum")));
    case OpKind::reduce_sum:
      return lower_reduction(emitter, op, size(emitter, op.outputs[0]), 1);
    case OpKind::mse:
      return lower_reduction(emitter, op, first, 1.0f / static_cast<float>(first));
    case OpKind::cross_entropy: {
      const auto classes = static_cast<std::uint64_t>(emitter.tensor(op.inputs[0]).shape.back());
      return lower_reduction(emitter, op, classes, 1.0f / static_cast<float>(first / classes));
    }
    case OpKind::cross_entropy_grad: {
      const auto classes = static_cast<std::uint64_t>(emitter.tensor(op.inputs[0]).shape.back());
      return lower_cross_entropy_grad(emitter, op, 1.0f / static_cast<float>(first / classes));
    }
    case OpKind::matmul:
    case OpKind::reshape:
      break;
  }
  throw device::Unsupported(fmt::format("{}: the vector unit has no {}", op.name, graph::to_string(op.kind)));
}

std::vector<Instruction> compile(const Parameters& parameters, const device::Job& job) {
  Emitter emitter(parameters, job);
  for (int i = 0; i < static_cast<int>(job.graph.ops.size()); ++i) {
    const graph::Op& op = job.graph.ops[static_cast<std::size_t>(i)];
    emitter.begin(i);
    if (op.kind == OpKind::reshape) continue;  // shares its input's storage
    if (graph::is_contraction(op.kind)) {
      lower_matmul(emitter, op);
    } else {
      lower_vector(emitter, op);
    }
  }
  return emitter.take_code();
}

}  // namespace triad::tpu
