#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "models/asic/compiler/builder.hpp"

namespace triad::asic {

using graph::OpKind;
using graph::TensorId;
using isa::Descriptor;
using isa::Engine;
using isa::Field;
using isa::Function;
using isa::Operand;

namespace {

/// A point-wise layer over a matrix, before it is cut into strips.
struct Layer {
  Function function = Function::pass;
  Operand operand = Operand::none;
  bool relu = false;
  TensorId a = -1, b = -1, out = -1;
  std::int64_t rows = 1, columns = 1;  ///< of what streams in (of `out` for repeat)
  float immediate = 0;
};

/// Emits the layer. What keeps something per column (a vector operand, column sums) is cut into strips of columns that
/// the operand RAM holds.
void emit(Builder& builder, int op, const Layer& layer) {
  const auto bytes = [&](TensorId id) { return id < 0 ? 0 : numerics::bytes_of(builder.tensor(id).format); };
  const bool total = layer.operand == Operand::scalar && layer.b < 0;
  const bool per_column = layer.operand == Operand::columns || (layer.function == Function::sum_rows && !total);
  const std::int64_t strip =
      per_column ? std::min<std::int64_t>(layer.columns,
                                          static_cast<std::int64_t>(builder.parameters.pointwise.operand_bytes / 4))
                 : layer.columns;
  for (std::int64_t column = 0; column < layer.columns; column += strip) {
    Descriptor d;
    d.set(Field::engine, static_cast<std::int64_t>(Engine::pointwise));
    d.set(Field::function, static_cast<std::int64_t>(layer.function));
    d.set(Field::operand, static_cast<std::int64_t>(layer.operand));
    d.set(Field::relu, layer.relu);
    d.set(Field::rows, layer.rows);
    d.set(Field::columns, std::min(strip, layer.columns - column));
    d.set_immediate(layer.immediate);
    d.set(Field::storage_out, static_cast<std::int64_t>(builder.storage(layer.out)));
    d.set(Field::tag, op);
    d.set(Field::tag2, layer.relu ? op : -1);
    std::vector<TensorId> reads;
    const auto stream = [&](Field base, TensorId id) {
      const int size = bytes(id);
      set_stream(d, base, builder.address(id).offset(static_cast<std::uint64_t>(column * size)), layer.columns * size);
    };
    if (layer.a >= 0) {
      d.set(Field::storage_in, static_cast<std::int64_t>(builder.storage(layer.a)));
      stream(Field::a_base, layer.a);
      reads.push_back(layer.a);
    }
    if (layer.b >= 0) {
      const bool whole = layer.operand == Operand::scalar || layer.operand == Operand::rows;
      if (whole) {
        set_stream(d, Field::b_base, builder.address(layer.b), 4);
      } else {
        stream(Field::b_base, layer.b);
      }
      reads.push_back(layer.b);
    }
    stream(Field::out_base, layer.out);
    builder.emit(d, op, reads, {layer.out});
  }
}

/// Elements of `whole` as rows over vectors of `part`: {rows, columns}.
std::pair<std::int64_t, std::int64_t> matrix(const graph::Shape& whole, const graph::Shape& part) {
  const std::int64_t columns = graph::elements(part);
  return {graph::elements(whole) / columns, columns};
}

}  // namespace

void lower_pointwise(Builder& builder, int index) {
  const graph::Op& op = builder.graph.ops[static_cast<std::size_t>(index)];
  const auto shape = [&](TensorId id) -> const graph::Shape& { return builder.tensor(id).shape; };
  Layer layer;
  layer.a = op.inputs[0];
  layer.b = op.inputs.size() > 1 ? op.inputs[1] : -1;
  layer.out = op.outputs[0];
  layer.columns = graph::elements(shape(layer.a));
  layer.operand = layer.b >= 0 ? Operand::elements : Operand::none;
  const float count = static_cast<float>(graph::elements(shape(layer.a)));

  const auto binary = [&](Function function) {
    layer.function = function;
    if (shape(layer.b) == shape(layer.a)) return;
    if (graph::elements(shape(layer.b)) == 1) {
      layer.operand = Operand::scalar;
      return;
    }
    layer.operand = Operand::columns;
    std::tie(layer.rows, layer.columns) = matrix(shape(layer.a), shape(layer.b));
  };
  const auto per_row = [&](Function function) {
    layer.function = function;
    layer.operand = Operand::rows;
    layer.rows = shape(layer.a)[0];
    layer.columns = shape(layer.a)[1];
    layer.immediate = 1.0f / static_cast<float>(layer.rows);
    const std::uint64_t row = static_cast<std::uint64_t>(4 * layer.columns);
    if (row > builder.parameters.pointwise.operand_bytes) {
      builder.unsupported(
          op, fmt::format("a row of {} classes takes {} B, the operand RAM of the point-wise engine holds {} B",
                          layer.columns, row, builder.parameters.pointwise.operand_bytes));
    }
  };
  switch (op.kind) {
    case OpKind::add:
      binary(Function::add);
      break;
    case OpKind::subtract:
      binary(Function::subtract);
      break;
    case OpKind::multiply:
      binary(Function::multiply);
      break;
    case OpKind::scale:
      layer.function = Function::scale;
      layer.immediate = static_cast<float>(op.number("factor"));
      break;
    case OpKind::relu:
      layer.relu = true;
      break;
    case OpKind::cast:
      break;
    case OpKind::relu_grad:
      layer.function = Function::relu_grad;
      break;
    case OpKind::mse_grad:
      layer.function = Function::mse_grad;
      layer.immediate = 2.0f / count;
      break;
    case OpKind::broadcast:
      // Operand b is the vector; nothing streams in.
      layer.function = Function::repeat;
      layer.b = layer.a, layer.a = -1;
      std::tie(layer.rows, layer.columns) = matrix(shape(layer.out), shape(layer.b));
      layer.operand = Operand::columns;
      break;
    case OpKind::reduce_sum:
      layer.function = Function::sum_rows;
      if (graph::elements(shape(layer.out)) == 1) {
        layer.operand = Operand::scalar;  // one sum of everything
      } else {
        std::tie(layer.rows, layer.columns) = matrix(shape(layer.a), shape(layer.out));
      }
      break;
    case OpKind::mse:
      layer.function = Function::mse;
      layer.immediate = 1.0f / count;
      break;
    case OpKind::cross_entropy:
      per_row(Function::cross_entropy);
      break;
    case OpKind::cross_entropy_grad:
      per_row(Function::cross_entropy_grad);
      break;
    default:
      builder.unsupported(op, "this machine has no engine for it");
  }
  emit(builder, index, layer);
}

void lower_update(Builder& builder, int index) {
  const graph::Op& op = builder.graph.ops[static_cast<std::size_t>(index)];
  Descriptor d;
  d.set(Field::engine, static_cast<std::int64_t>(Engine::update));
  d.set(Field::rows, 1);
  d.set(Field::columns, graph::elements(builder.tensor(op.inputs[0]).shape));
  d.set(Field::operand, static_cast<std::int64_t>(op.inputs.size() == 3 ? Operand::elements : Operand::none));
  d.set_immediate(static_cast<float>(op.number("learning_rate")));
  d.set_immediate(static_cast<float>(op.number("momentum")), Field::immediate2);
  d.set(Field::tag, index);
  d.set(Field::tag2, -1);
  set_stream(d, Field::a_base, builder.address(op.inputs[0]), 0);
  set_stream(d, Field::b_base, builder.address(op.inputs[1]), 0);
  std::vector<TensorId> writes = {op.outputs[0]};
  if (op.inputs.size() == 3) {
    set_stream(d, Field::c_base, builder.address(op.inputs[2]), 0);
    writes.push_back(op.outputs[1]);
  }
  for (std::size_t i = 0; i < writes.size(); ++i) {
    // The engine writes its results where it read the parameter and the velocity.
    const TensorId read = op.inputs[i == 0 ? 0 : 2];
    if (builder.root(writes[i]) != builder.root(read)) builder.unsupported(op, "updates in place only");
  }
  builder.emit(d, index, op.inputs, writes);
}

}  // namespace triad::asic
