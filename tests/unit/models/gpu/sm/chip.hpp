#pragma once
#include <string>
#include <vector>

#include "models/gpu/machine.hpp"
#include "models/kit/simulation.hpp"

/// A chip for tests of the SM: hand-written code on a small configuration, one run per process.
namespace triad::gpu {

/// Builds instructions with the fields that a test cares about.
struct Assembler {
  std::vector<Instruction> code;

  Instruction& add(Opcode op) {
    code.emplace_back();
    code.back().op = op;
    return code.back();
  }
  Instruction& ffma(int d, int a, int b, int c, int stall = 4) {
    Instruction& i = add(Opcode::ffma);
    i.d = static_cast<std::uint8_t>(d), i.a = static_cast<std::uint8_t>(a), i.c = static_cast<std::uint8_t>(c);
    i.b = static_cast<std::uint32_t>(b);
    i.control.stall = static_cast<std::uint8_t>(stall);
    return i;
  }
  Instruction& mov(int d, std::uint32_t value, int stall = 4) {
    Instruction& i = add(Opcode::mov);
    i.d = static_cast<std::uint8_t>(d), i.b_source = Source::immediate, i.b = value;
    i.control.stall = static_cast<std::uint8_t>(stall);
    return i;
  }
  Instruction& parameter(int d, int word, int stall = 4) {
    Instruction& i = mov(d, constant_parameters + 4 * static_cast<std::uint32_t>(word), stall);
    i.b_source = Source::constant;
    return i;
  }
  Instruction& special(int d, Special which, int barrier = 0) {
    Instruction& i = add(Opcode::s2r);
    i.d = static_cast<std::uint8_t>(d), i.selector = static_cast<std::uint8_t>(which);
    i.control.write_barrier = static_cast<std::uint8_t>(barrier);
    return i;
  }
  Instruction& shift_left(int d, int a, int bits, int stall = 4) {
    Instruction& i = add(Opcode::shl);
    i.d = static_cast<std::uint8_t>(d), i.a = static_cast<std::uint8_t>(a);
    i.b_source = Source::immediate, i.b = static_cast<std::uint32_t>(bits);
    i.control.stall = static_cast<std::uint8_t>(stall);
    return i;
  }
  Instruction& integer_add(int d, int a, std::uint32_t b, int stall = 4) {
    Instruction& i = add(Opcode::iadd3);
    i.d = static_cast<std::uint8_t>(d), i.a = static_cast<std::uint8_t>(a);
    i.b_source = Source::immediate, i.b = b;
    i.control.stall = static_cast<std::uint8_t>(stall);
    return i;
  }
  /// pd = a < b, signed.
  Instruction& less(int pd, int a, std::uint32_t b, int stall = 4) {
    Instruction& i = add(Opcode::isetp);
    i.pd = static_cast<std::uint8_t>(pd), i.a = static_cast<std::uint8_t>(a);
    i.b_source = Source::immediate, i.b = b, i.compare = Compare::lt, i.type = Type::s32;
    i.control.stall = static_cast<std::uint8_t>(stall);
    return i;
  }
  Instruction& load(Opcode op, int d, int a, int barrier, std::uint32_t offset = 0, Type type = Type::u32) {
    Instruction& i = add(op);
    i.d = static_cast<std::uint8_t>(d), i.a = static_cast<std::uint8_t>(a);
    i.b_source = Source::immediate, i.b = offset, i.type = type;
    i.control.write_barrier = static_cast<std::uint8_t>(barrier);
    return i;
  }
  Instruction& store(Opcode op, int a, int c, std::uint32_t offset = 0, Type type = Type::u32) {
    Instruction& i = add(op);
    i.a = static_cast<std::uint8_t>(a), i.c = static_cast<std::uint8_t>(c);
    i.b_source = Source::immediate, i.b = offset, i.type = type;
    return i;
  }
  Instruction& branch(std::uint32_t target, int predicate = predicate_true, bool negate = false) {
    Instruction& i = add(Opcode::bra);
    i.b_source = Source::immediate, i.b = target;
    i.guard = {static_cast<std::uint8_t>(predicate), negate};
    return i;
  }
  Instruction& gather(int barrier, std::uint32_t target) {
    Instruction& i = add(Opcode::bssy);
    i.selector = static_cast<std::uint8_t>(barrier), i.b_source = Source::immediate, i.b = target;
    return i;
  }
  Instruction& converge(int barrier) {
    Instruction& i = add(Opcode::bsync);
    i.selector = static_cast<std::uint8_t>(barrier);
    return i;
  }
  Kernel kernel(int registers = 32, int shared_bytes = 0) const {
    Kernel k;
    k.name = "test";
    k.code = code;
    k.registers_per_thread = registers;
    k.shared_bytes = shared_bytes;
    return k;
  }
};

/// Stores 42 at address 0: three MOVs at 0, 4 and 8, STG at 12, EXIT at 13.
inline Kernel store_a_word() {
  Assembler a;
  a.mov(2, 0);
  a.mov(3, 0);
  a.mov(1, 42);
  a.store(Opcode::stg, 2, 1);
  a.add(Opcode::exit);
  return a.kernel();
}

inline Instruction& waiting(Instruction& i, unsigned mask) {
  i.control.wait_mask = static_cast<std::uint8_t>(mask);
  return i;
}

/// 1 GHz, so that a cycle is a nanosecond; the launch takes 100 cycles.
inline Parameters small_chip() {
  Parameters p;
  p.clock_hz = 1'000'000'000;
  p.sms = 1;
  p.launch_latency = 100e-9;
  p.dispatch_cycles = 1;
  p.block_latency_cycles = 20;
  p.static_watts = 1;
  p.technology = "7nm";
  p.sm.shared_bytes = 65536;
  p.memory.clock_hz = 1'000'000'000;
  p.memory.channels = 1;
  p.memory.bandwidth = 32e9;  // a sector a cycle
  p.memory.latency = 200e-9;
  p.memory.access = 32;
  p.memory.interleave = 256;
  p.memory.credits = 64;
  p.memory.capacity = 1 << 20;
  p.memory.energy = "hbm2_bit";
  return p;
}

inline constexpr Cycle launch_cycles = 100;

struct Outcome {
  Cycle cycles = 0;
  std::uint64_t instructions = 0;
  std::uint64_t read_bytes = 0, written_bytes = 0;
  std::vector<activity::Recorder::Unit> units;
  std::vector<std::uint32_t> memory;  ///< the first words of device memory

  const activity::Recorder::Unit& unit(const std::string& name) const {
    for (const auto& u : units) {
      if (u.name == name) return u;
    }
    throw std::out_of_range("no unit " + name);
  }
  Cycle state(const std::string& name, activity::State state) const {
    return unit(name).cycles[static_cast<std::size_t>(state)];
  }
};

/// Launches one kernel, whose memory begins with `memory`.
inline Outcome run(const Parameters& parameters, const Kernel& kernel, Dimensions grid = {},
                   Dimensions block = {32, 1, 1}, const std::vector<std::uint32_t>& memory = {}, bool check = true,
                   std::vector<std::uint64_t> arguments = {}, int launches = 1, std::uint64_t max_cycles = 0) {
  kit::begin_elaboration();
  const activity::Technology technology(config::load(config::presets() / "technology" / "7nm.yaml"));
  const device::Job job;
  GpuProgram program(graph::Graph{}, job);
  program.codes.emplace_back(kernel, parameters.sm);
  PlannedLaunch planned;
  planned.grid = grid, planned.block = block, planned.op = 0;
  for (const std::uint64_t a : arguments) planned.arguments.push_back(Argument::word(static_cast<std::uint32_t>(a)));
  program.launches.push_back(planned);

  activity::Recorder recorder(parameters.clock_hz, 1);
  memory::Memory device_memory("memory", parameters.memory, recorder, technology, true);
  device_memory.contents().write(0, reinterpret_cast<const std::byte*>(memory.data()), 4 * memory.size());
  Machine machine("gpu", parameters, program, launches, device_memory, recorder, technology, check);
  kit::simulate({&machine, &device_memory}, machine.clock(), {check, max_cycles}, [&] { return machine.finished(); });
  machine.finish();
  device_memory.finish(kit::now());
  recorder.finish(kit::now());

  Outcome result;
  result.cycles = machine.cycle();
  result.instructions = machine.instructions_issued();
  result.read_bytes = device_memory.read_bytes();
  result.written_bytes = device_memory.written_bytes();
  result.units = recorder.units();
  result.memory.resize(4096);
  device_memory.contents().read(0, reinterpret_cast<std::byte*>(result.memory.data()), 4 * result.memory.size());
  return result;
}

/// Cycles from the first issue to the last, both included.
inline Cycle issue_cycles(const Outcome& run) {
  return run.cycles - launch_cycles - 1;  // the launch, and one cycle from dispatch to the first issue
}

}  // namespace triad::gpu
