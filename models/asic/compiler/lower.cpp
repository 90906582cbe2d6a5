#include "models/asic/compiler/lower.hpp"

#include <fmt/format.h>

#include "models/asic/compiler/builder.hpp"
#include "sim/graph/passes.hpp"

namespace triad::asic {

using graph::Family;

namespace {
constexpr std::uint64_t stream_alignment = 4096;
}  // namespace

std::unique_ptr<Program> lower(const device::Job& job, const Parameters& parameters, std::uint64_t memory_capacity,
                               const MemoryPort& memory) {
  graph::Fusion fusion;
  fusion.epilogues = true;
  Builder builder(job, graph::fuse(graph::without_dead_ops(job.graph), fusion), parameters, memory);
  for (int index = 0; index < static_cast<int>(builder.graph.ops.size()); ++index) {
    switch (graph::family(builder.graph.ops[static_cast<std::size_t>(index)])) {
      case Family::contraction:
        lower_contraction(builder, index);
        break;
      case Family::formula:
        lower_formula(builder, index);
        break;
      case Family::movement:
        lower_movement(builder, index);
        break;
      case Family::window:
        lower_window(builder, index);
        break;
      case Family::indexed:
        lower_indexed(builder, index);
        break;
      case Family::view:
        break;
    }
  }
  Program& program = *builder.program;
  resolve_dependencies(program, builder.accesses);
  std::size_t words = 0;
  for (const isa::Descriptor& layer : program.stream) words += isa::encode(layer).size();
  // Where a line lies among the channels of memory does not depend on what the tensors take.
  program.stream_base = (program.map.bytes() + stream_alignment - 1) / stream_alignment * stream_alignment;
  program.bytes = program.stream_base + 4 * words;
  program.fits_memory = program.bytes <= memory_capacity;
  if (!program.fits_memory && job.values) {
    throw device::Unsupported(
        fmt::format("{} takes {} B of device memory (tensors {} B, {} layer descriptors {} B), the device has {} B; "
                    "it runs without values (values: off)",
                    job.name, program.bytes, program.map.bytes(), program.stream.size(),
                    program.bytes - program.map.bytes(), memory_capacity));
  }
  return std::move(builder.program);
}

}  // namespace triad::asic
