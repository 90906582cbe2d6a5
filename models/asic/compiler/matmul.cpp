#include <algorithm>

#include "models/asic/compiler/builder.hpp"
#include "models/asic/compiler/tiling.hpp"

namespace triad::asic {

using graph::OpKind;
using graph::TensorId;
using isa::Descriptor;
using isa::Engine;
using isa::Field;

namespace {

/// An operand in memory: a matrix of vectors of channels, or its transpose.
struct OperandLayout {
  TensorId tensor;
  bool transposed;         ///< a row in memory is a channel of all vectors
  std::int64_t row_bytes;  ///< of the whole matrix in memory
  int element_bytes;
  /// Bytes from the begin of the matrix to the element of this vector and channel.
  std::uint64_t offset(std::int64_t vector, std::int64_t channel) const {
    const std::int64_t row = transposed ? channel : vector, column = transposed ? vector : channel;
    return static_cast<std::uint64_t>(row * row_bytes + column * element_bytes);
  }
};

OperandLayout layout(const Builder& b, TensorId id, bool transposed) {
  const graph::Tensor& tensor = b.tensor(id);
  const int bytes = numerics::bytes_of(tensor.format);
  return {id, transposed, tensor.shape[1] * bytes, bytes};
}

}  // namespace

Fused find_fusion(const Builder& b, int matmul) {
  const auto& ops = b.graph.ops;
  const auto at = [&](int op) -> const graph::Op& { return ops[static_cast<std::size_t>(op)]; };
  Fused fused;
  TensorId result = at(matmul).outputs[0];
  int next = b.only_reader(result);
  if (next >= 0 && at(next).kind == OpKind::add && at(next).inputs[0] == result) {
    // The bias: one value per column, there before the product begins.
    const TensorId bias = at(next).inputs[1];
    const bool early = std::ranges::none_of(ops.begin() + matmul, ops.begin() + next, [&](const graph::Op& op) {
      return std::ranges::find(op.outputs, bias) != op.outputs.end();
    });
    if (early && b.tensor(bias).shape.size() == 1) {
      fused.bias = next;
      result = at(next).outputs[0];
      next = b.only_reader(result);
    }
  }
  if (next >= 0 && at(next).kind == OpKind::relu) fused.relu = next;
  return fused;
}

void lower_matmul(Builder& b, int index, const Fused& fused) {
  const graph::Op& op = b.graph.ops[static_cast<std::size_t>(index)];
  const numerics::Format format = b.tensor(op.inputs[0]).format;
  if (format != numerics::Format::fp32 && format != numerics::Format::bf16) {
    b.unsupported(op, "the MAC array multiplies bf16 or fp32 in three bf16 parts, not " + numerics::to_string(format));
  }
  const OperandLayout a = layout(b, op.inputs[0], op.flag("transpose_a"));
  const OperandLayout w = layout(b, op.inputs[1], !op.flag("transpose_b"));
  const graph::Shape& shape = b.tensor(op.outputs[0]).shape;
  const graph::Shape& left = b.tensor(a.tensor).shape;
  const int parts = format == numerics::Format::fp32 ? 3 : 1;
  const Contraction c{shape[0], shape[1], left[a.transposed ? 0 : 1], parts, a.element_bytes};
  const Tiling t = choose_tiling(c, b.parameters, b.memory_bytes_per_cycle);
  const bool whole_depth = t.depth == c.depth;
  const bool one_column_tile = t.columns == c.columns;

  const int last = fused.relu >= 0 ? fused.relu : fused.bias >= 0 ? fused.bias : index;
  const TensorId result = b.graph.ops[static_cast<std::size_t>(last)].outputs[0];
  const std::int64_t result_row = 4 * c.columns;

  // Slots of each operand alternate with every load, so that the next one does not wait for banks.
  int a_loads = 0, w_loads = 0;
  for (std::int64_t row = 0; row < c.rows; row += t.rows) {
    const std::int64_t rows = std::min(t.rows, c.rows - row);
    for (std::int64_t column = 0; column < c.columns; column += t.columns) {
      const std::int64_t columns = std::min(t.columns, c.columns - column);
      for (std::int64_t channel = 0; channel < c.depth; channel += t.depth) {
        const std::int64_t depth = std::min(t.depth, c.depth - channel);
        const bool a_reuse = whole_depth && column > 0, w_reuse = whole_depth && one_column_tile && row > 0;
        a_loads += !a_reuse, w_loads += !w_reuse;
        Descriptor layer;
        layer.set(Field::engine, static_cast<std::int64_t>(Engine::gemm));
        layer.set(Field::storage_in, static_cast<std::int64_t>(b.storage(a.tensor)));
        layer.set(Field::parts, parts);
        layer.set(Field::rows, rows);
        layer.set(Field::columns, columns);
        layer.set(Field::depth, depth);
        layer.set(Field::clear, channel == 0);
        layer.set(Field::deliver, channel + depth == c.depth);
        layer.set(Field::a_transposed, a.transposed);
        layer.set(Field::b_transposed, w.transposed);
        layer.set(Field::a_reuse, a_reuse);
        layer.set(Field::b_reuse, w_reuse);
        layer.set(Field::a_release, !whole_depth || column + columns == c.columns);
        layer.set(Field::b_release, !whole_depth || !one_column_tile || row + rows == c.rows);
        layer.set(Field::a_bank, a_loads % 2 * t.row_banks);
        layer.set(Field::a_banks, t.row_banks);
        layer.set(Field::b_bank, 2 * t.row_banks + w_loads % 2 * t.column_banks);
        layer.set(Field::b_banks, t.column_banks);
        layer.set(Field::tag, index);
        layer.set(Field::tag2, -1);
        set_stream(layer, Field::a_base, b.address(a.tensor).offset(a.offset(row, channel)), a.row_bytes);
        set_stream(layer, Field::b_base, b.address(w.tensor).offset(w.offset(column, channel)), w.row_bytes);
        b.emit(layer, index, {a.tensor, w.tensor}, {});
      }
      Descriptor out;
      std::vector<TensorId> reads;
      out.set(Field::engine, static_cast<std::int64_t>(Engine::pointwise));
      out.set(Field::flying, 1);
      out.set(Field::rows, rows);
      out.set(Field::columns, columns);
      out.set(Field::relu, fused.relu >= 0);
      out.set(Field::tag, fused.bias >= 0 ? fused.bias : index);
      out.set(Field::tag2, fused.relu);
      const std::uint64_t place = static_cast<std::uint64_t>(row * result_row + 4 * column);
      set_stream(out, Field::out_base, b.address(result).offset(place), result_row);
      if (fused.bias >= 0) {
        const TensorId bias = b.graph.ops[static_cast<std::size_t>(fused.bias)].inputs[1];
        out.set(Field::function, static_cast<std::int64_t>(isa::Function::add));
        const bool one = b.tensor(bias).shape[0] == 1;
        out.set(Field::operand, static_cast<std::int64_t>(one ? isa::Operand::scalar : isa::Operand::columns));
        const kit::StepAddress address = b.address(bias);
        set_stream(out, Field::b_base, one ? address : address.offset(static_cast<std::uint64_t>(4 * column)), 0);
        reads.push_back(bias);
      }
      b.emit(out, index, reads, {result});
    }
  }
}

}  // namespace triad::asic
