#include "models/gpu/sm/code.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace triad::gpu {
namespace {

Action action_of(Opcode op) {
  switch (op) {
    case Opcode::ffma:
      return Action::mac_fp32;
    case Opcode::fadd:
    case Opcode::fmnmx:
    case Opcode::fsetp:
      return Action::add_fp32;
    case Opcode::fmul:
      return Action::multiply_fp32;
    case Opcode::imad:
    case Opcode::imad_hi:
    case Opcode::imad_wide:
      return Action::multiply_int32;
    default:
      break;
  }
  if (op == Opcode::s2r) return Action::none;
  switch (info(op).pipe) {
    case Pipe::integer:
      return Action::add_int32;
    case Pipe::sfu:
      return Action::special;
    case Pipe::memory:
      return Action::add_int32;  // base plus offset
    default:
      return Action::none;
  }
}

Decoded decode(const Instruction& i, const SmParameters& parameters) {
  Decoded d;
  const OpcodeInfo& row = info(i.op);
  const auto uses = [&](std::uint32_t field) { return (row.fields & field) != 0; };
  d.instruction = i;
  d.pipe = row.pipe;
  d.latency_cycles = static_cast<std::uint8_t>(row.latency_cycles);
  d.stall = std::max<std::uint8_t>(1, i.control.stall);
  const auto cycles = [](int lanes) { return static_cast<std::uint8_t>(warp_size / lanes); };
  if (row.pipe == Pipe::fp32) d.busy_cycles = cycles(parameters.fp32_lanes);
  if (row.pipe == Pipe::integer) d.busy_cycles = cycles(parameters.integer_lanes);
  if (row.pipe == Pipe::sfu) d.busy_cycles = cycles(parameters.sfu_lanes);
  if (row.pipe == Pipe::memory) d.busy_cycles = 1;
  d.reads_a = uses(field_a) && i.a != register_zero;
  d.reads_b = uses(field_b) && i.b_source == Source::reg && i.b != register_zero && row.pipe != Pipe::memory &&
              row.pipe != Pipe::control;
  d.reads_c = uses(field_c) && i.c != register_zero;
  if (uses(field_d) && i.d != register_zero) d.d_count = static_cast<std::uint8_t>(d_registers(i));
  if (d.reads_a) d.a_count = static_cast<std::uint8_t>(a_registers(i));
  if (d.reads_c) d.c_count = static_cast<std::uint8_t>(c_registers(i));
  d.writes_predicate = uses(field_pd) && i.pd != predicate_true;
  d.operands_read = static_cast<std::uint8_t>(d.a_count + d.c_count + (d.reads_b ? 1 : 0));
  d.action = action_of(i.op);
  if (d.action == Action::multiply_int32) d.second_action = Action::add_int32;
  return d;
}

}  // namespace

Code::Code(const Kernel& kernel, const SmParameters& parameters) : kernel_(kernel) {
  const auto reject = [&](std::size_t pc, const std::string& why) {
    throw std::invalid_argument(fmt::format("kernel {}, instruction {}: {}", kernel.name, pc, why));
  };
  if (kernel.code.empty()) throw std::invalid_argument(fmt::format("kernel {} has no code", kernel.name));
  const int registers = kernel.registers_per_thread;
  const int unit = parameters.register_allocation;
  allocated_registers_ = (std::max(registers, 1) + unit - 1) / unit * unit;
  for (std::size_t pc = 0; pc < kernel.code.size(); ++pc) {
    const Decoded d = decode(kernel.code[pc], parameters);
    const Instruction& i = d.instruction;
    const auto within = [&](bool used, int first, int count) {
      if (used && first + count > registers) {
        reject(pc, fmt::format("R{} is beyond the kernel's {} registers", first + count - 1, registers));
      }
    };
    within(d.d_count > 0, i.d, d.d_count);
    within(d.reads_a, i.a, d.a_count);
    within(d.reads_b, static_cast<int>(i.b), 1);
    within(d.reads_c, i.c, d.c_count);
    if ((i.op == Opcode::bra || i.op == Opcode::bssy) && i.b >= kernel.code.size()) {
      reject(pc, fmt::format("target {} is beyond the {} instructions", i.b, kernel.code.size()));
    }
    decoded_.push_back(d);
  }
  const Instruction& last = kernel.code.back();
  const bool leaves = last.op == Opcode::exit || last.op == Opcode::bra;
  if (!leaves || last.guard.index != predicate_true || last.guard.negate) {
    reject(kernel.code.size() - 1, "runs off the end of the code: must be EXIT or BRA without a guard");
  }
}

}  // namespace triad::gpu
