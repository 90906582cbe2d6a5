#include "models/tpu/units/vpu.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "models/tpu/units/vector_functions.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

using activity::State;

namespace {

std::vector<float> read_floats(const kit::Scratchpad& vmem, const Block& block) {
  std::vector<float> values;
  values.reserve(block.rows * block.columns);
  for (std::uint64_t row = 0; row < block.rows; ++row) {
    const std::byte* from = vmem.at(block.address + row * block.pitch);
    for (std::uint64_t i = 0; i < block.columns; ++i) {
      if (block.format == Format::bf16) {
        std::uint16_t bits;
        std::memcpy(&bits, from + 2 * i, sizeof bits);
        values.push_back(numerics::bf16_value(bits));
      } else {
        float value;
        std::memcpy(&value, from + 4 * i, sizeof value);
        values.push_back(value);
      }
    }
  }
  return values;
}

void write_floats(kit::Scratchpad& vmem, const Block& block, const std::vector<float>& values) {
  for (std::uint64_t row = 0; row < block.rows; ++row) {
    std::byte* to = vmem.at(block.address + row * block.pitch);
    for (std::uint64_t i = 0; i < block.columns; ++i) {
      const float value = values[row * block.columns + i];
      if (block.format == Format::bf16) {
        const std::uint16_t bits = numerics::bf16_bits(value);
        std::memcpy(to + 2 * i, &bits, sizeof bits);
      } else {
        std::memcpy(to + 4 * i, &value, sizeof value);
      }
    }
  }
}

bool at_same_place(const std::vector<Block>& blocks, const Block& block) {
  return std::any_of(blocks.begin(), blocks.end(), [&](const Block& other) { return other.address == block.address; });
}

}  // namespace

Vpu::Vpu(Machine& machine)
    : Unit("vpu", machine.clock),
      machine_(machine),
      queue_(machine, machine.parameters.vector_unit()),
      stack_(machine, "vpu", activity::Resource::compute),
      additions_(stack_.track.add_action("lane_additions", machine.technology.picojoules("add_fp32"))),
      multiplications_(stack_.track.add_action("lane_multiplications", machine.technology.picojoules("multiply_fp32"))),
      vmem_(stack_.track.add_action("vmem_bytes", machine.technology.sram_picojoules_per_byte(
                                                      static_cast<double>(machine.parameters.vmem.bank_bytes)))) {
  machine.tokens.add_listener(*this);
}

void Vpu::issue(const Issued& issued, Cycle now) {
  const auto& v = std::get<Vector>(issued.instruction->body);
  InFlight entry{issued, {}, {}, 0};
  VectorValues values;
  std::uint64_t bytes = 0;
  for (const Block& block : v.inputs) {
    // An input that is an output too is updated in place: one use.
    if (!at_same_place(v.outputs, block))
      entry.uses.push_back(machine_.vmem.use(name(), range_of(block), kit::Access::read, now));
    bytes += block.rows * block.row_bytes();
    if (block.format == Format::int32) {
      for (std::uint64_t row = 0; row < block.rows; ++row) {
        std::int32_t number;
        std::memcpy(&number, machine_.vmem.at(block.address + row * block.pitch), sizeof number);
        const auto classes = static_cast<std::int64_t>(v.inputs[0].columns);
        if (number < 0 || number >= classes) {
          throw device::Fault(fmt::format("cycle {}: vpu reads class number {} of {} classes", now, number, classes));
        }
        values.classes.push_back(number);
      }
    } else {
      values.inputs.push_back(read_floats(machine_.vmem, block));
    }
  }
  for (const Block& block : v.outputs) {
    const bool reads = v.accumulate || at_same_place(v.inputs, block);
    entry.uses.push_back(
        machine_.vmem.use(name(), range_of(block), reads ? kit::Access::update : kit::Access::write, now));
    values.outputs.push_back(read_floats(machine_.vmem, block));
    bytes += block.rows * block.row_bytes();
  }
  const int lanes = machine_.parameters.vpu.lanes;
  evaluate(v, lanes, values);
  entry.results = std::move(values.outputs);
  const Cost taken = cost(v, lanes);
  free_ = now + taken.cycles;
  entry.done = free_ + static_cast<Cycle>(machine_.parameters.vpu.latency_cycles);
  stack_.record_wait(issued, queue_.channel.front_pushed() + 1, now);
  stack_.record(State::busy, issued.tag(), now, free_);
  stack_.track.count(additions_, taken.operations.additions, now, free_);
  stack_.track.count(multiplications_, taken.operations.multiplications, now, free_);
  stack_.track.count(vmem_, bytes, now, free_);
  stack_.track.work(taken.operations.total());
  in_flight_.push_back(std::move(entry));
}

void Vpu::complete(const InFlight& entry, Cycle now) {
  const auto& v = std::get<Vector>(entry.issued.instruction->body);
  for (std::size_t i = 0; i < v.outputs.size(); ++i) write_floats(machine_.vmem, v.outputs[i], entry.results[i]);
  for (const int use : entry.uses) machine_.vmem.release(use);
  machine_.tokens.signal(queue_.unit(), now);
}

void Vpu::step() {
  const Cycle now = cycle();
  while (!in_flight_.empty() && in_flight_.front().done <= now) {
    complete(in_flight_.front(), now);
    in_flight_.pop_front();
  }
  if (const Issued* next = queue_.ready(now)) {
    if (now >= free_) {
      issue(*next, now);
      queue_.channel.pop(now);
    }
    wake_at(free_);
  }
  if (!in_flight_.empty()) wake_at(in_flight_.front().done);
}

Transposer::Transposer(Machine& machine)
    : Unit("transpose", machine.clock),
      machine_(machine),
      queue_(machine, machine.parameters.transpose_unit()),
      stack_(machine, "transpose", activity::Resource::compute),
      vmem_(stack_.track.add_action("vmem_bytes", machine.technology.sram_picojoules_per_byte(
                                                      static_cast<double>(machine.parameters.vmem.bank_bytes)))) {
  machine.tokens.add_listener(*this);
}

Cycle Transposer::occupancy(const Transpose& t, int columns) {
  const auto width = static_cast<std::uint64_t>(columns);
  return t.from.rows * ((t.from.columns + width - 1) / width);
}

void Transposer::issue(const Issued& issued, Cycle now) {
  const auto& t = std::get<Transpose>(issued.instruction->body);
  InFlight entry;
  entry.issued = issued;
  entry.read = machine_.vmem.use(name(), range_of(t.from), kit::Access::read, now);
  entry.write = machine_.vmem.use(name(), range_of(t.to), kit::Access::write, now);
  const auto size = static_cast<std::uint64_t>(numerics::bytes_of(t.from.format));
  entry.result.resize(t.to.rows * t.to.row_bytes());
  for (std::uint64_t row = 0; row < t.from.rows; ++row) {
    for (std::uint64_t column = 0; column < t.from.columns; ++column) {
      std::memcpy(entry.result.data() + (column * t.from.rows + row) * size,
                  machine_.vmem.at(t.from.address + row * t.from.pitch + column * size), size);
    }
  }
  free_ = now + occupancy(t, machine_.parameters.mxu.columns);
  entry.done = free_ + static_cast<Cycle>(machine_.parameters.transpose.latency_cycles);
  stack_.record_wait(issued, queue_.channel.front_pushed() + 1, now);
  stack_.record(State::busy, issued.tag(), now, free_);
  stack_.track.count(vmem_, 2 * entry.result.size(), now, free_);
  in_flight_.push_back(std::move(entry));
}

void Transposer::complete(const InFlight& entry, Cycle now) {
  const Block& to = std::get<Transpose>(entry.issued.instruction->body).to;
  for (std::uint64_t row = 0; row < to.rows; ++row) {
    std::memcpy(machine_.vmem.at(to.address + row * to.pitch), entry.result.data() + row * to.row_bytes(),
                to.row_bytes());
  }
  machine_.vmem.release(entry.read);
  machine_.vmem.release(entry.write);
  machine_.tokens.signal(queue_.unit(), now);
}

void Transposer::step() {
  const Cycle now = cycle();
  while (!in_flight_.empty() && in_flight_.front().done <= now) {
    complete(in_flight_.front(), now);
    in_flight_.pop_front();
  }
  if (const Issued* next = queue_.ready(now)) {
    if (now >= free_) {
      issue(*next, now);
      queue_.channel.pop(now);
    }
    wake_at(free_);
  }
  if (!in_flight_.empty()) wake_at(in_flight_.front().done);
}

}  // namespace triad::tpu
