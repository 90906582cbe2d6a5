#include "models/asic/compiler/builder.hpp"

#include <fmt/format.h>

#include <bit>

namespace triad::asic {

using graph::TensorId;

Builder::Builder(const device::Job& job, graph::Graph lowered, const Parameters& parameters, const MemoryPort& memory)
    : parameters(parameters),
      memory(memory),
      program(std::make_unique<Program>(job, std::move(lowered))),
      graph(program->graph) {}

isa::Storage Builder::storage(const graph::Op& op, TensorId id) const {
  switch (tensor(id).format) {
    case numerics::Format::fp32:
      return isa::Storage::fp32;
    case numerics::Format::bf16:
      return isa::Storage::bf16;
    case numerics::Format::int32:
      return isa::Storage::int32;
    default:
      unsupported(op, fmt::format("{} is {}: the engines read and write fp32, bf16 and int32", tensor(id).name,
                                  numerics::to_string(tensor(id).format)));
  }
}

isa::Stream Builder::stream(const graph::Op& op, TensorId id) const {
  isa::Stream stream;
  stream.address = program->map.address(id);
  stream.storage = storage(op, id);
  return stream;
}

const Tiling& Builder::tiling(const Contraction& contraction) {
  const auto found = tilings_.find(contraction);
  if (found != tilings_.end()) return found->second;
  return tilings_.emplace(contraction, choose_tiling(contraction, parameters, memory)).first->second;
}

void Builder::emit(isa::Descriptor layer, int op, const std::vector<TensorId>& reads,
                   const std::vector<TensorId>& writes, int part) {
  Accesses access;
  access.op = op;
  access.part = part;
  const auto range = [&](TensorId id) {
    const kit::StepAddress& address = program->map.address(id);
    return Range{address.base,
                 address.base + address.stride * (address.period - 1) + static_cast<std::uint64_t>(tensor(id).bytes())};
  };
  for (const TensorId id : reads) access.reads.push_back(range(id));
  for (const TensorId id : writes) access.writes.push_back(range(id));
  layer.tag = op;
  program->stream.push_back(std::move(layer));
  accesses.push_back(std::move(access));
}

void Builder::unsupported(const graph::Op& op, const std::string& message) const {
  throw device::Unsupported(fmt::format("{}: {}: {}", op.name, graph::to_string(op.kind), message));
}

void put_formula(const Builder& builder, const graph::Op& op, const graph::Formula& formula,
                 const std::vector<TensorId>& operands, const std::vector<TensorId>& results, isa::Descriptor& layer) {
  const auto limit = [&](std::size_t count, int most, const char* what) {
    if (count > static_cast<std::size_t>(most)) {
      builder.unsupported(op, fmt::format("{} {}, a descriptor holds {}", count, what, most));
    }
  };
  limit(formula.space.size(), isa::most_axes, "axes");
  limit(operands.size(), isa::most_operands, "operands");
  limit(results.size(), isa::most_results, "results");
  limit(formula.terms.size(), isa::most_terms, "terms");
  for (std::size_t axis = 0; axis < formula.space.size(); ++axis) {
    layer.axes.push_back({formula.space[axis], formula.reduced[axis], isa::Role::batch});
  }
  for (std::size_t i = 0; i < operands.size(); ++i) {
    // A product that flies has no address.
    isa::Stream stream = operands[i] < 0 ? isa::Stream{} : builder.stream(op, operands[i]);
    stream.strides = formula.strides[i];
    layer.operands.push_back(std::move(stream));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    isa::Stream stream = builder.stream(op, results[i]);
    stream.term = formula.results[i].term;
    stream.strides.resize(formula.space.size());
    std::int64_t stride = 1;
    for (std::size_t axis = formula.space.size(); axis-- > 0;) {
      if (formula.results[i].per_row && formula.reduced[axis]) continue;
      stream.strides[axis] = stride;
      stride *= formula.space[axis];
    }
    layer.results.push_back(std::move(stream));
  }
  for (const graph::Term& term : formula.terms) {
    const std::uint32_t value = term.function == graph::Function::uniform
                                    ? static_cast<std::uint32_t>(term.value)
                                    : std::bit_cast<std::uint32_t>(static_cast<float>(term.value));
    layer.terms.push_back({term.function, term.arguments, value});
  }
}

}  // namespace triad::asic
