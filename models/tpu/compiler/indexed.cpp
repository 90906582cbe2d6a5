#include <algorithm>

#include "models/tpu/compiler/lower.hpp"

namespace triad::tpu {

using graph::TensorId;

namespace {

/// Indices [row, row + rows) as a column.
Block index_block(Input& indices, std::int64_t row, std::int64_t rows) {
  return matrix_block(indices.fetch({row, {{rows, 1}, {1, 1}}}), static_cast<std::uint64_t>(rows), 1);
}

std::uint64_t product(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a * b);
}

Region part(std::int64_t width, const graph::Shape& origin, const graph::Shape& extents) {
  return matrix_region(0, static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(origin[0]),
                       static_cast<std::uint64_t>(origin[1]), static_cast<std::uint64_t>(extents[0]),
                       static_cast<std::uint64_t>(extents[1]));
}

Block block(const Place& place, const graph::Shape& extents) {
  return matrix_block(place, static_cast<std::uint64_t>(extents[0]), static_cast<std::uint64_t>(extents[1]));
}

void halve(std::int64_t& extent) {
  extent = (extent + 1) / 2;
}

void lower_gather(Emitter& emitter, const graph::Op& op) {
  const TensorId table = op.inputs[0], numbers = op.inputs[1], made = op.outputs[0];
  const std::int64_t width = emitter.tensor(table).shape[1], count = graph::elements(emitter.tensor(numbers).shape);
  std::int64_t rows = count, columns = width;
  const auto bytes = [&] {
    return Input::staging(emitter, numbers, static_cast<std::uint64_t>(rows)) +
           Output::staging(emitter, made, product(rows, columns));
  };
  while (rows > 1 && bytes() > emitter.staging_bytes()) halve(rows);
  while (columns > 1 && bytes() > emitter.staging_bytes()) halve(columns);
  Input indices(emitter, numbers, static_cast<std::uint64_t>(rows));
  Output output(emitter, made, product(rows, columns));
  if (emitter.planning()) return;
  for_boxes({count, width}, {rows, columns}, [&](const graph::Shape& origin, const graph::Shape& extents) {
    const Block chosen = index_block(indices, origin[0], extents[0]);
    const Block to = block(output.open(part(width, origin, extents)), extents);
    emitter.emit(emitter.parameters().load_unit(),
                 Gather{emitter.location(table, origin[1]), static_cast<std::uint64_t>(emitter.tensor(table).shape[0]),
                        product(width, 1) * emitter.element_bytes(table), chosen, to});
    output.close();
  });
}

void lower_scatter_add(Emitter& emitter, const graph::Op& op) {
  const TensorId given = op.inputs[0], numbers = op.inputs[1], made = op.outputs[0];
  const graph::Shape& table = emitter.tensor(made).shape;
  const std::int64_t width = table[1], count = graph::elements(emitter.tensor(numbers).shape);
  std::int64_t rows = count, columns = width, table_rows = table[0];
  const auto bytes = [&] {
    return Input::staging(emitter, given, product(rows, columns)) +
           Input::staging(emitter, numbers, static_cast<std::uint64_t>(rows)) +
           Output::staging(emitter, made, product(table_rows, columns));
  };
  // Narrow tables first, so that what is added is read once; short ones only when 64 bytes of every row do not fit.
  const auto shrink = [&](std::int64_t& extent, std::int64_t least) {
    while (extent > least && bytes() > emitter.staging_bytes()) halve(extent);
  };
  shrink(rows, 64);
  shrink(columns, 16);
  shrink(table_rows, 1);
  shrink(rows, 1);
  shrink(columns, 1);
  Input added(emitter, given, product(rows, columns));
  Input indices(emitter, numbers, static_cast<std::uint64_t>(rows));
  Output output(emitter, made, product(table_rows, columns));
  if (emitter.planning()) return;
  for_boxes(table, {table_rows, columns}, [&](const graph::Shape& origin, const graph::Shape& extents) {
    const Block to = block(output.open(part(width, origin, extents)), extents);
    for (std::int64_t row = 0; row < count; row += rows) {
      const graph::Shape at = {row, origin[1]}, size = {std::min(rows, count - row), extents[1]};
      const Block from = block(added.fetch(part(width, at, size)), size);
      emitter.emit(emitter.parameters().vector_unit(),
                   ScatterAdd{from, index_block(indices, row, size[0]), to, static_cast<std::uint64_t>(origin[0]),
                              static_cast<std::uint64_t>(table[0]), row == 0});
    }
    output.close();
  });
}

}  // namespace

void lower_indexed(Emitter& emitter, const graph::Op& op) {
  if (op.kind == graph::OpKind::gather) return lower_gather(emitter, op);
  lower_scatter_add(emitter, op);
}

}  // namespace triad::tpu
