#include "models/asic/compiler/lower.hpp"

#include <fmt/format.h>

#include <set>

#include "models/asic/compiler/builder.hpp"

namespace triad::asic {

using graph::OpKind;

std::unique_ptr<Program> lower(const device::Job& job, const Parameters& parameters, std::uint64_t memory_capacity,
                               double memory_bytes_per_second) {
  Builder builder(job, parameters, memory_bytes_per_second / static_cast<double>(parameters.clock_hz));
  std::set<int> done;  // fused into an earlier layer
  for (int index = 0; index < static_cast<int>(job.graph.ops.size()); ++index) {
    const graph::Op& op = job.graph.ops[static_cast<std::size_t>(index)];
    if (done.contains(index) || op.kind == OpKind::reshape) continue;
    if (op.kind == OpKind::matmul) {
      const Fused fused = find_fusion(builder, index);
      done.insert({fused.bias, fused.relu});
      lower_matmul(builder, index, fused);
    } else if (op.kind == OpKind::sgd) {
      lower_update(builder, index);
    } else {
      lower_pointwise(builder, index);
    }
  }
  Program& program = *builder.program;
  resolve_dependencies(program, builder.accesses);
  program.stream_base = program.map.bytes();
  program.bytes = program.stream_base + program.stream.size() * isa::descriptor_bytes;
  if (program.bytes > memory_capacity) {
    throw device::Unsupported(
        fmt::format("the job takes {} B of device memory (tensors {} B, {} layer descriptors {} B), "
                    "the device has {} B",
                    program.bytes, program.map.bytes(), program.stream.size(), program.bytes - program.map.bytes(),
                    memory_capacity));
  }
  return std::move(builder.program);
}

}  // namespace triad::asic
