#include "models/tpu/units/dma.hpp"

#include <cstring>

namespace triad::tpu {

Dma::Dma(Machine& machine, memory::Memory& memory, int unit)
    : Unit(machine.parameters.unit_name(unit).c_str(), machine.clock),
      machine_(machine),
      memory_(memory),
      queue_(machine, unit),
      load_(unit == machine.parameters.load_unit()),
      stack_(machine, machine.parameters.unit_name(unit), activity::Resource::memory),
      moved_(stack_.track.add_action("vmem_bytes", machine.technology.sram_picojoules_per_byte(
                                                       static_cast<double>(machine.parameters.vmem.bank_bytes)))) {
  machine.tokens.add_listener(*this);
  memory.add_listener(*this);
}

namespace {

/// The bytes of device memory, rows in ascending order.
kit::Range range_of(const memory::Request& request) {
  kit::Range range{request.address, request.row_bytes, request.rows, static_cast<std::uint64_t>(request.stride)};
  if (request.stride < 0 && request.rows > 0) {
    range.pitch = static_cast<std::uint64_t>(-request.stride);
    range.begin -= (request.rows - 1) * range.pitch;
  }
  return range;
}

}  // namespace

bool Dma::issue(const Issued& issued, Cycle now) {
  const auto& transfer = std::get<Transfer>(issued.instruction->body);
  const Block& block = transfer.block;
  memory::Request request;
  request.address = transfer.memory.at(issued.step);
  request.row_bytes = block.row_bytes();
  request.rows = block.rows;
  request.stride = transfer.stride;
  request.write = !load_;
  request.tag = issued.tag();
  request.requester = load_ ? 0 : 1;
  auto entry = std::make_unique<InFlight>();
  InFlight* raw = entry.get();
  if (!memory_.accept(request, [this, raw](const memory::Completion& completion) {
        raw->done = clock().after(completion.last);
        wake_at(raw->done);
      })) {
    return false;
  }
  entry->issued = issued;
  entry->use = machine_.vmem.use(name(), range_of(block), load_ ? kit::Access::write : kit::Access::read, now);
  entry->memory_use =
      machine_.memory_uses.begin(name(), range_of(request), load_ ? kit::Access::read : kit::Access::write, now);
  if (!load_) {
    entry->bytes.resize(request.bytes());
    for (std::uint64_t row = 0; row < block.rows; ++row) {
      std::memcpy(entry->bytes.data() + row * block.row_bytes(), machine_.vmem.at(block.address + row * block.pitch),
                  block.row_bytes());
    }
  }
  in_flight_.push_back(std::move(entry));
  return true;
}

void Dma::complete(const InFlight& in_flight, Cycle now) {
  const auto& transfer = std::get<Transfer>(in_flight.issued.instruction->body);
  const Block& block = transfer.block;
  for (std::uint64_t row = 0; row < block.rows; ++row) {
    const std::uint64_t address =
        transfer.memory.at(in_flight.issued.step) + row * static_cast<std::uint64_t>(transfer.stride);
    if (load_) {
      memory_.contents().read(address, machine_.vmem.at(block.address + row * block.pitch), block.row_bytes());
    } else {
      memory_.contents().write(address, in_flight.bytes.data() + row * block.row_bytes(), block.row_bytes());
    }
  }
  stack_.track.count(moved_, block.rows * block.row_bytes(), now, now + 1);
  machine_.vmem.release(in_flight.use);
  machine_.memory_uses.end(in_flight.memory_use);
  machine_.tokens.signal(queue_.unit(), now);
}

void Dma::step() {
  const Cycle now = cycle();
  while (!in_flight_.empty() && in_flight_.front()->done <= now) {
    // Transfers overlap: the oldest one that is outstanding names the op.
    stack_.record(activity::State::memory, in_flight_.front()->issued.tag(), front_since_, now);
    complete(*in_flight_.front(), now);
    in_flight_.pop_front();
    front_since_ = now;
  }
  if (const Issued* next = queue_.ready(now)) {
    if (now < issue_free_) return wake_at(issue_free_);
    if (in_flight_.size() >= static_cast<std::size_t>(machine_.parameters.dma.requests))
      return;  // woken by a completion
    if (in_flight_.empty()) front_since_ = now;
    if (!issue(*next, now)) return;  // woken by a credit of the memory
    issue_free_ = now + static_cast<Cycle>(machine_.parameters.dma.setup_cycles);
    queue_.pop(now);
    if (!queue_.channel.empty()) wake_at(issue_free_);
  }
}

}  // namespace triad::tpu
