#include "models/tpu/compiler/compile.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/tpu/compiler/lower.hpp"
#include "sim/device/device.hpp"
#include "sim/graph/passes.hpp"

namespace triad::tpu {

using graph::Family;

namespace {

void check_formats(const graph::Graph& graph, const graph::Op& op) {
  const bool multiplies = graph::is_contraction(op.kind);
  const auto check = [&](graph::TensorId id) {
    const Format format = graph.tensor(id).format;
    if (multiplies && format != Format::fp32 && format != Format::bf16) {
      throw device::Unsupported(fmt::format("{}: matrix units multiply bf16, and fp32 in six passes; not {}", op.name,
                                            numerics::to_string(format)));
    }
    if (format == Format::fp16 || format == Format::tf32) {
      throw device::Unsupported(fmt::format("{}: {} is {}: the vector unit has fp32, bf16, int8 and int32", op.name,
                                            graph.tensor(id).name, numerics::to_string(format)));
    }
  };
  for (const graph::TensorId id : op.inputs) check(id);
  for (const graph::TensorId id : op.outputs) check(id);
}

}  // namespace

void for_boxes(const graph::Shape& space, const graph::Shape& tile,
               const std::function<void(const graph::Shape&, const graph::Shape&)>& visit) {
  graph::Shape origin(space.size(), 0), extents(space.size());
  for (;;) {
    for (std::size_t axis = 0; axis < space.size(); ++axis) {
      extents[axis] = std::min(tile[axis], space[axis] - origin[axis]);
    }
    visit(origin, extents);
    std::size_t axis = space.size();
    for (;;) {
      if (axis == 0) return;
      --axis;
      if ((origin[axis] += tile[axis]) < space[axis]) break;
      origin[axis] = 0;
    }
  }
}

void lower_op(Emitter& emitter, const graph::Op& op) {
  switch (graph::family(op)) {
    case Family::contraction:
      return op.kind == graph::OpKind::matmul ? lower_matmul(emitter, op) : lower_convolution(emitter, op);
    case Family::formula:
      return lower_formula(emitter, op);
    case Family::movement:
      return lower_movement(emitter, op);
    case Family::window:
      return lower_window(emitter, op);
    case Family::indexed:
      return lower_indexed(emitter, op);
    case Family::view:
      return;  // shares its input's storage
  }
}

std::shared_ptr<const Plan> plan(const Parameters& parameters, const device::Job& job) {
  graph::Graph graph = graph::fuse(job.graph, {.formulas = true});
  kit::MemoryMap map(job, graph);
  // Half of the on-chip memory for tensors that stay, half for staging.
  const std::uint64_t base = parameters.vmem.bytes / 2 / Residency::alignment * Residency::alignment;
  Residency residency(graph, map, base);
  auto made =
      std::make_shared<const Plan>(Plan{parameters, std::move(graph), std::move(map), std::move(residency), base});
  Emitter emitter(*made, true);
  for (int i = 0; i < static_cast<int>(made->graph.ops.size()); ++i) {
    const graph::Op& op = made->graph.ops[static_cast<std::size_t>(i)];
    check_formats(made->graph, op);
    emitter.begin(i);
    lower_op(emitter, op);
  }
  return made;
}

Chunk Compiler::next() {
  while (op_ < static_cast<int>(plan_->graph.ops.size())) {
    emitter_.begin(op_);
    lower_op(emitter_, plan_->graph.ops[static_cast<std::size_t>(op_++)]);
    std::vector<Instruction> code = emitter_.take_code();
    if (!code.empty()) return std::make_shared<const std::vector<Instruction>>(std::move(code));
  }
  return nullptr;
}

}  // namespace triad::tpu
