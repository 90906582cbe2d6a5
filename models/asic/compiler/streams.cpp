#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "models/asic/compiler/builder.hpp"
#include "models/asic/units/formula_schedule.hpp"
#include "sim/graph/movement.hpp"

/// What engines do that stream operands through: formulas, movements, windows, indices.
namespace triad::asic {

using graph::OpKind;
using graph::TensorId;

void lower_formula(Builder& b, int index) {
  const graph::Op& op = b.graph.ops[static_cast<std::size_t>(index)];
  const graph::Formula formula = graph::formula_of(b.graph, op);
  isa::Descriptor layer;
  const bool rows = std::ranges::find(formula.reduced, true) != formula.reduced.end();
  const bool update = op.phase == graph::Phase::update && !rows;
  layer.engine = update ? isa::Engine::update : isa::Engine::pointwise;
  put_formula(b, op, formula, op.inputs, op.outputs, layer);
  for (const isa::Stream& result : layer.results) {
    if (result.storage == isa::Storage::int32)
      b.unsupported(op, "the engines compute fp32 and bf16 results, not int32");
  }
  const Parameters::Stream& engine = update ? b.parameters.update : b.parameters.pointwise;
  const std::int64_t needed = least_operand_bytes(FormulaSchedule(layer, engine, false));
  if (static_cast<std::uint64_t>(needed) > engine.operand_bytes) {
    b.unsupported(op, fmt::format("a row keeps {} B, the operand RAM of the {} engine holds {} B", needed,
                                  isa::to_string(layer.engine), engine.operand_bytes));
  }
  b.emit(layer, index, op.inputs, op.outputs);
}

namespace {

/// How elements of this size are copied: bit by bit, whatever they are.
isa::Storage raw(const Builder& b, const graph::Op& op, TensorId id) {
  return b.storage(op, id) == isa::Storage::bf16 ? isa::Storage::bf16 : isa::Storage::fp32;
}

isa::Term constant(double value, isa::Storage storage) {
  const auto bits = storage == isa::Storage::int32 ? std::bit_cast<std::uint32_t>(static_cast<std::int32_t>(value))
                                                   : std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return {graph::Function::constant, {-1, -1, -1}, bits};
}

}  // namespace

void lower_movement(Builder& b, int index) {
  const graph::Op& op = b.graph.ops[static_cast<std::size_t>(index)];
  const graph::Movement movement = graph::movement(b.graph, op);
  const TensorId out = op.outputs[0];
  const isa::Storage storage = raw(b, op, out);
  const auto bytes = static_cast<std::uint64_t>(isa::bytes_of(storage));
  if (movement.fill) {
    isa::Descriptor layer;
    layer.engine = isa::Engine::reshape;
    layer.axes = {{graph::elements(b.tensor(out).shape), false, isa::Role::batch}};
    isa::Stream result = b.stream(op, out);
    layer.terms = {constant(*movement.fill, result.storage)};
    result.storage = storage;
    result.strides = {1};
    layer.results = {result};
    b.emit(layer, index, {}, {out});
  }
  for (const graph::Copy& copy : movement.copies) {
    isa::Descriptor layer;
    layer.engine = isa::Engine::reshape;
    if (copy.extents.size() > isa::most_axes) {
      b.unsupported(op, fmt::format("{} axes, a descriptor holds {}", copy.extents.size(), isa::most_axes));
    }
    for (const std::int64_t extent : copy.extents) layer.axes.push_back({extent, false, isa::Role::batch});
    const TensorId in = op.inputs[static_cast<std::size_t>(copy.input)];
    isa::Stream source = b.stream(op, in), result = b.stream(op, out);
    source.storage = result.storage = storage;
    source.address = source.address.offset(static_cast<std::uint64_t>(copy.source_offset) * bytes);
    result.address = result.address.offset(static_cast<std::uint64_t>(copy.target_offset) * bytes);
    source.strides = copy.source_strides;
    result.strides = copy.target_strides;
    layer.operands = {source};
    layer.results = {result};
    layer.terms = {{graph::Function::operand, {0, -1, -1}, 0}};
    b.emit(layer, index, {in}, {out}, 1);
  }
}

void lower_window(Builder& b, int index) {
  const graph::Op& op = b.graph.ops[static_cast<std::size_t>(index)];
  isa::Descriptor layer;
  layer.engine = isa::Engine::pooling;
  isa::Window& w = layer.window;
  using Kind = isa::Window::Kind;
  const bool gradient = op.kind == OpKind::max_pool_grad || op.kind == OpKind::average_pool_grad;
  w.kind = op.kind == OpKind::max_pool        ? Kind::maximum
           : op.kind == OpKind::max_pool_grad ? Kind::maximum_gradient
           : op.kind == OpKind::average_pool  ? Kind::average
                                              : Kind::average_gradient;
  const graph::Shape& image = b.tensor(gradient ? op.outputs[0] : op.inputs[0]).shape;
  const graph::Shape& pooled = b.tensor(gradient ? op.inputs[0] : op.outputs[0]).shape;
  w.planes = image[0] * image[1];
  w.height = image[2], w.width = image[3];
  w.out_height = pooled[2], w.out_width = pooled[3];
  for (std::size_t i = 0; i < 2; ++i) {
    w.kernel[i] = op.integers("kernel")[i];
    w.stride[i] = op.integers("stride")[i];
    w.padding[i] = op.integers("padding")[i];
  }
  if (op.kind == OpKind::average_pool || op.kind == OpKind::average_pool_grad) {
    w.include_padding = op.flag("include_padding");
  }
  if (static_cast<std::uint64_t>(line_bytes_of(w)) > b.parameters.pooling.operand_bytes) {
    b.unsupported(op, fmt::format("{} B of unfinished rows, the line buffer of the pooling engine holds {} B",
                                  line_bytes_of(w), b.parameters.pooling.operand_bytes));
  }
  for (const TensorId id : op.inputs) layer.operands.push_back(b.stream(op, id));
  for (const TensorId id : op.outputs) layer.results.push_back(b.stream(op, id));
  b.emit(layer, index, op.inputs, op.outputs);
}

void lower_indexed(Builder& b, int index) {
  const graph::Op& op = b.graph.ops[static_cast<std::size_t>(index)];
  isa::Descriptor layer;
  layer.engine = isa::Engine::indexed;
  isa::Indexed& i = layer.indexed;
  i.scatter = op.kind == OpKind::scatter_add;
  const graph::Shape& table = b.tensor(i.scatter ? op.outputs[0] : op.inputs[0]).shape;
  i.count = graph::elements(b.tensor(op.inputs[1]).shape);
  i.rows = table[0], i.width = table[1];
  for (const TensorId id : op.inputs) layer.operands.push_back(b.stream(op, id));
  for (const TensorId id : op.outputs) layer.results.push_back(b.stream(op, id));
  b.emit(layer, index, op.inputs, op.outputs);
}

}  // namespace triad::asic
