#include "models/asic/compiler/builder.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace triad::asic {

using graph::OpKind;
using graph::TensorId;
using isa::Field;

Builder::Builder(const device::Job& job, const Parameters& parameters, double memory_bytes_per_cycle)
    : job(job),
      graph(job.graph),
      parameters(parameters),
      memory_bytes_per_cycle(memory_bytes_per_cycle),
      program(std::make_unique<Program>(job)),
      readers_(graph.tensors.size()),
      reader_(graph.tensors.size(), -1),
      roots_(graph.tensors.size()) {
  for (TensorId id = 0; id < static_cast<TensorId>(roots_.size()); ++id) {
    roots_[static_cast<std::size_t>(id)] = graph.storage(id);
  }
  for (std::size_t index = 0; index < graph.ops.size(); ++index) {
    const graph::Op& op = graph.ops[index];
    for (const TensorId input : op.inputs) {
      ++readers_[static_cast<std::size_t>(input)];
      reader_[static_cast<std::size_t>(input)] = static_cast<int>(index);
    }
    if (op.kind == OpKind::reshape) roots_[static_cast<std::size_t>(op.outputs[0])] = root(op.inputs[0]);
  }
}

TensorId Builder::root(TensorId tensor) const {
  return roots_[static_cast<std::size_t>(tensor)];
}

isa::Storage Builder::storage(TensorId id) const {
  switch (tensor(id).format) {
    case numerics::Format::bf16:
      return isa::Storage::bf16;
    case numerics::Format::int32:
      return isa::Storage::int32;
    default:
      return isa::Storage::fp32;
  }
}

int Builder::only_reader(TensorId id) const {
  if (id == graph.loss || graph.storage(id) != id || readers_[static_cast<std::size_t>(id)] != 1) return -1;
  return reader_[static_cast<std::size_t>(id)];
}

void Builder::emit(const isa::Descriptor& layer, int op, const std::vector<TensorId>& reads,
                   const std::vector<TensorId>& writes) {
  Accesses access{op, {}, {}};
  for (const TensorId id : reads) access.reads.push_back(root(id));
  for (const TensorId id : writes) access.writes.push_back(root(id));
  program->stream.push_back(layer);
  accesses.push_back(std::move(access));
}

void Builder::unsupported(const graph::Op& op, const std::string& message) const {
  throw device::Unsupported(fmt::format("{}: {}: {}", op.name, graph::to_string(op.kind), message));
}

void set_stream(isa::Descriptor& layer, Field base, const kit::StepAddress& address, std::int64_t pitch) {
  const auto field = [&](int offset) { return static_cast<Field>(static_cast<int>(base) + offset); };
  layer.set(base, static_cast<std::int64_t>(address.base));
  layer.set(field(1), static_cast<std::int64_t>(address.stride));
  layer.set(field(2), static_cast<std::int64_t>(address.period));
  layer.set(field(3), pitch);
}

}  // namespace triad::asic
