#include "models/gpu/lowering.hpp"

#include <fmt/core.h>

#include <bit>
#include <limits>

#include "models/gpu/compiler/compile.hpp"
#include "models/gpu/kernels/kernels.hpp"
#include "models/gpu/lowering_steps.hpp"
#include "models/gpu/sm/sm.hpp"
#include "sim/graph/passes.hpp"

namespace triad::gpu {

using device::Unsupported;
using graph::Family;

namespace {
constexpr std::uint32_t block_threads = 256;  ///< of the kernels that count elements
}  // namespace

Lowering::Lowering(const Parameters& parameters, const device::Job& job)
    : parameters_(parameters),
      job_(job),
      program_(std::make_unique<GpuProgram>(graph::fuse(job.graph, {.formulas = true, .epilogues = false}), job)) {
  program_->values = job.values;
  program_->scratch =
      (program_->map.bytes() + kit::MemoryMap::alignment - 1) / kit::MemoryMap::alignment * kit::MemoryMap::alignment;
}

std::unique_ptr<GpuProgram> Lowering::lower() {
  program_->fits_memory =
      kit::fits_memory(program_->map, parameters_.memory.capacity, job_, parameters_.memory.capacity_key());
  for (std::size_t i = 0; i < program_->graph.ops.size(); ++i) {
    op_ = &program_->graph.ops[i];
    index_ = static_cast<int>(i);
    add_op();
  }
  program_->memory_bytes = program_->scratch + scratch_bytes_;
  if (program_->memory_bytes > parameters_.memory.capacity) {
    if (job_.values) {
      throw Unsupported(
          fmt::format("{} needs {} bytes of device memory, {} of them to hand partial results from kernel "
                      "to kernel; there are {} ({})",
                      job_.name, program_->memory_bytes, scratch_bytes_, parameters_.memory.capacity,
                      parameters_.memory.capacity_key()));
    }
    program_->fits_memory = false;
  }
  return std::move(program_);
}

void Lowering::reject(const std::string& why) const {
  throw Unsupported(fmt::format("{} ({}): {}", op_->name, graph::to_string(op_->kind), why));
}

std::vector<Argument> Lowering::tensors() const {
  std::vector<Argument> arguments;
  for (const graph::TensorId id : op_->inputs) arguments.push_back(address(id));
  for (const graph::TensorId id : op_->outputs) arguments.push_back(address(id));
  return arguments;
}

Argument Lowering::count(std::int64_t n) const {
  if (n > std::numeric_limits<std::int32_t>::max()) reject(fmt::format("{} elements; kernels count to 2^31 - 1", n));
  return Argument::word(static_cast<std::uint32_t>(n));
}

Argument Lowering::number(double value) {
  return Argument::word(numerics::bits_of(static_cast<float>(value)));
}

void Lowering::add_divisor(std::vector<Argument>& arguments, std::int64_t n) const {
  count(n);
  const auto d = static_cast<std::uint64_t>(n);
  const int shift = static_cast<int>(std::bit_width(d - 1));  // ceil(log2 d)
  const std::uint64_t factor = ((std::uint64_t{1} << (31 + shift)) + d - 1) / d;
  arguments.push_back(Argument::word(static_cast<std::uint32_t>(factor)));
  arguments.push_back(Argument::word(static_cast<std::uint32_t>(shift)));
}

Argument Lowering::scratch(std::int64_t bytes) {
  scratch_bytes_ = std::max(scratch_bytes_, static_cast<std::uint64_t>(bytes));
  return Argument::address({program_->scratch, 0, 1});
}

std::size_t Lowering::code(const std::string& name) {
  const auto [known, added] = kernels_.try_emplace(name, program_->codes.size());
  if (added) program_->codes.emplace_back(load_kernel(name), parameters_.sm);
  return known->second;
}

std::size_t Lowering::code_of_text(const std::string& text, const std::string& wanted) {
  const auto [known, added] = texts_.try_emplace(text, program_->codes.size());
  if (added) {
    Kernel kernel = compile(text, generator::kernel_name);
    kernel.name = fmt::format("{}_{}", wanted, names_[wanted]++);
    program_->codes.emplace_back(kernel, parameters_.sm);
  }
  return known->second;
}

PlannedLaunch& Lowering::launch(std::size_t code, Dimensions grid, Dimensions block, std::vector<Argument> arguments,
                                Data data) {
  PlannedLaunch planned;
  planned.op = index_;
  planned.code = code;
  planned.grid = grid, planned.block = block;
  planned.arguments = std::move(arguments);
  const Code& chosen = program_->codes[code];
  std::string limit;
  if (occupancy(parameters_.sm, chosen, block, limit) == 0) reject(limit);
  if (!job_.values && data == Data::any && !chosen.kernel().data_dependence.empty()) {
    reject(fmt::format("values: off, but the timing of kernel {} depends on data ({})", chosen.kernel().name,
                       chosen.kernel().data_dependence));
  }
  program_->launches.push_back(std::move(planned));
  return program_->launches.back();
}

PlannedLaunch& Lowering::launch_elements(const std::string& kernel, std::int64_t n, std::vector<Argument> arguments,
                                         Data data) {
  count(n);
  return launch(kernel, {divide_up(n, block_threads), 1, 1}, {block_threads, 1, 1}, std::move(arguments), data);
}

void Lowering::launch_generated(const generator::Request& request, std::vector<Argument> pointers,
                                const std::string& name) {
  const generator::Launches generated = generator::generate(request);
  if (generated.scratch_bytes > 0) pointers.push_back(scratch(generated.scratch_bytes));
  for (const generator::Launch& each : generated.launches) {
    launch(code_of_text(each.text, name), each.grid, each.block, pointers);
  }
}

void Lowering::formula() {
  const graph::Formula f = graph::formula_of(program_->graph, *op_);
  std::vector<numerics::Format> operands, results;
  for (std::size_t i = 0; i < op_->inputs.size(); ++i) operands.push_back(in(i).format);
  for (std::size_t i = 0; i < op_->outputs.size(); ++i) results.push_back(out(i).format);
  count(f.rows() * f.row_length());
  launch_generated(generator::request_of(f, operands, results, parameters_.sms), tensors(),
                   graph::to_string(op_->kind));
}

void Lowering::movement() {
  const graph::Movement moved = graph::movement(program_->graph, *op_);
  const numerics::Format format = out(0).format;
  const std::string name = graph::to_string(op_->kind);
  const auto at = [&](graph::TensorId id, std::int64_t elements) {
    return Argument::address(
        program_->map.address(id).offset(static_cast<std::uint64_t>(elements * numerics::bytes_of(format))));
  };
  if (moved.fill) {
    const auto fill = generator::request_of_fill(*moved.fill, graph::elements(out(0).shape), format, parameters_.sms);
    launch_generated(fill, {address(op_->outputs[0])}, "fill");
  }
  for (const graph::Copy& copy : moved.copies) {
    const graph::TensorId from = op_->inputs[static_cast<std::size_t>(copy.input)];
    launch_generated(generator::request_of(copy, format, parameters_.sms),
                     {at(from, copy.source_offset), at(op_->outputs[0], copy.target_offset)}, name);
  }
}

void Lowering::add_op() {
  for (const graph::TensorId id : op_->inputs) count(graph::elements(program_->graph.tensor(id).shape));
  for (const graph::TensorId id : op_->outputs) count(graph::elements(program_->graph.tensor(id).shape));
  switch (graph::family(*op_)) {
    case Family::formula:
      return formula();
    case Family::movement:
      return movement();
    case Family::view:
      return;
    case Family::contraction:
      return op_->kind == graph::OpKind::matmul ? matmul() : convolution();
    case Family::window:
      return window();
    case Family::indexed:
      return indexed();
  }
}

std::unique_ptr<GpuProgram> lower(const Parameters& parameters, const device::Job& job) {
  return Lowering(parameters, job).lower();
}

}  // namespace triad::gpu
