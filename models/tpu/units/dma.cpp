#include "models/tpu/units/dma.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "sim/device/device.hpp"

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

std::vector<memory::Request> requests(const Transfer& transfer, int step) {
  memory::Request request;
  request.address = transfer.memory.at(step);
  request.row_bytes = transfer.bytes;
  std::vector<Loop> loops = transfer.loops;
  while (!loops.empty() && loops.back().memory == static_cast<std::int64_t>(request.row_bytes)) {
    request.row_bytes *= loops.back().count;
    loops.pop_back();
  }
  if (!loops.empty()) {
    request.rows = loops.back().count;
    request.stride = loops.back().memory;
    loops.pop_back();
  }
  std::vector<memory::Request> all = {request};
  for (std::size_t level = loops.size(); level-- > 0;) {
    const std::size_t inner = all.size();
    for (std::uint64_t i = 1; i < loops[level].count; ++i) {
      for (std::size_t j = 0; j < inner; ++j) {
        all.push_back(all[j]);
        all.back().address += i * static_cast<std::uint64_t>(loops[level].memory);
      }
    }
  }
  return all;
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

/// Visits the runs of a transfer: address in device memory, address on chip.
template <class Visit>
void for_runs(const Transfer& t, int step, Visit visit) {
  std::vector<std::uint64_t> index(t.loops.size(), 0);
  std::uint64_t memory = t.memory.at(step), chip = t.address;
  for (;;) {
    visit(memory, chip);
    std::size_t level = t.loops.size();
    for (;;) {
      if (level == 0) return;
      const Loop& loop = t.loops[--level];
      memory += static_cast<std::uint64_t>(loop.memory);
      chip += static_cast<std::uint64_t>(loop.chip);
      if (++index[level] < loop.count) break;
      memory -= loop.count * static_cast<std::uint64_t>(loop.memory);
      chip -= loop.count * static_cast<std::uint64_t>(loop.chip);
      index[level] = 0;
    }
  }
}

/// What timing sees of a gather: as many rows of the table, one behind the other, each a request of its own. Which rows
/// the indices name must not matter: without values nobody knows.
std::vector<memory::Request> requests(const Gather& gather, int step) {
  std::vector<memory::Request> all;
  for (std::uint64_t i = 0; i < gather.to.rows; ++i) {
    memory::Request request;
    request.address = gather.table.at(step) + i % gather.table_rows * gather.table_pitch;
    request.row_bytes = gather.to.row_bytes();
    all.push_back(request);
  }
  return all;
}

}  // namespace

void Dma::begin(const Issued& issued, Cycle now) {
  auto entry = std::make_unique<InFlight>();
  entry->issued = issued;
  const Body& body = issued.instruction->body;
  const auto use = [&](const kit::Range& range, kit::Access access) {
    entry->uses.push_back(machine_.vmem.use(name(), range, access, now));
  };
  std::vector<memory::Request> cut;
  if (const auto* gather = std::get_if<Gather>(&body)) {
    for (const kit::Range& range : gather->indices.ranges()) use(range, kit::Access::read);
    for (const kit::Range& range : gather->to.ranges()) use(range, kit::Access::write);
    cut = requests(*gather, issued.step);
    entry->memory_uses.push_back(machine_.memory_uses.begin(
        name(), {gather->table.at(issued.step), gather->to.row_bytes(), gather->table_rows, gather->table_pitch},
        kit::Access::read, now));
  } else {
    const auto& transfer = std::get<Transfer>(body);
    for (const kit::Range& range : transfer.chip_ranges()) use(range, load_ ? kit::Access::write : kit::Access::read);
    cut = requests(transfer, issued.step);
    for (const memory::Request& request : cut) {
      entry->memory_uses.push_back(
          machine_.memory_uses.begin(name(), range_of(request), load_ ? kit::Access::read : kit::Access::write, now));
    }
    if (!load_ && machine_.values) {
      entry->bytes.reserve(transfer.total_bytes());
      for_runs(transfer, issued.step, [&](std::uint64_t, std::uint64_t chip) {
        const std::byte* from = machine_.vmem.at(chip);
        entry->bytes.insert(entry->bytes.end(), from, from + transfer.bytes);
      });
    }
  }
  entry->rest.assign(cut.begin(), cut.end());
  in_flight_.push_back(std::move(entry));
}

bool Dma::offer(Cycle now) {
  if (in_flight_.empty() || in_flight_.back()->rest.empty()) return true;
  InFlight* transfer = in_flight_.back().get();
  if (now < offer_free_) {
    wake_at(offer_free_);
    return false;
  }
  memory::Request request = transfer->rest.front();
  request.write = !load_;
  request.tag = transfer->issued.tag();
  request.requester = load_ ? 0 : 1;
  if (!transfer->bytes.empty()) request.data = transfer->bytes.data() + transfer->offered;
  const bool accepted = memory_.accept(request, [this, transfer](const memory::Completion& completion) {
    transfer->done = std::max(transfer->done, clock().after(completion.last));
    --transfer->outstanding;
    wake_at(clock().after(completion.last));
  });
  if (!accepted) return false;  // woken by a credit of the memory
  ++transfer->outstanding;
  transfer->offered += request.bytes();
  transfer->rest.pop_front();
  offer_free_ = now + 1;
  if (transfer->rest.empty()) return true;
  wake_at(offer_free_);
  return false;
}

void Dma::complete(const InFlight& in_flight, Cycle now) {
  const Body& body = in_flight.issued.instruction->body;
  std::uint64_t bytes = 0;
  if (const auto* gather = std::get_if<Gather>(&body)) {
    bytes = gather->to.rows * gather->to.row_bytes();
    for (std::uint64_t i = 0; machine_.values && i < gather->to.rows; ++i) {
      std::int32_t index;
      std::memcpy(&index, machine_.vmem.at(gather->indices.address + i * gather->indices.pitch), sizeof index);
      if (index < 0 || static_cast<std::uint64_t>(index) >= gather->table_rows) {
        throw device::Fault(
            fmt::format("cycle {}: {} gathers row {} of {} rows", now, name(), index, gather->table_rows));
      }
      memory_.contents().read(
          gather->table.at(in_flight.issued.step) + static_cast<std::uint64_t>(index) * gather->table_pitch,
          machine_.vmem.at(gather->to.address + i * gather->to.pitch), gather->to.row_bytes());
    }
  } else {
    const auto& transfer = std::get<Transfer>(body);
    bytes = transfer.total_bytes();
    if (machine_.values) {
      if (transfer.clear_bytes > 0) std::memset(machine_.vmem.at(transfer.clear_begin), 0, transfer.clear_bytes);
      const std::byte* from = in_flight.bytes.data();
      for_runs(transfer, in_flight.issued.step, [&](std::uint64_t address, std::uint64_t chip) {
        if (load_) return memory_.contents().read(address, machine_.vmem.at(chip), transfer.bytes);
        memory_.contents().write(address, from, transfer.bytes);
        from += transfer.bytes;
      });
    }
  }
  stack_.track.count(moved_, bytes, now, now + 1);
  for (const int use : in_flight.uses) machine_.vmem.release(use);
  for (const int use : in_flight.memory_uses) machine_.memory_uses.end(use);
  machine_.tokens.signal(queue_.unit(), now);
}

void Dma::step() {
  const Cycle now = cycle();
  while (!in_flight_.empty() && in_flight_.front()->complete(now)) {
    // Transfers overlap: the oldest one that is outstanding names the op.
    stack_.record(activity::State::memory, in_flight_.front()->issued.tag(), front_since_, now);
    complete(*in_flight_.front(), now);
    in_flight_.pop_front();
    front_since_ = now;
  }
  if (!offer(now)) return;
  if (const Issued* next = queue_.ready(now)) {
    if (now < issue_free_) return wake_at(issue_free_);
    if (in_flight_.size() >= static_cast<std::size_t>(machine_.parameters.dma.requests))
      return;  // woken by a completion
    if (now < offer_free_) return wake_at(offer_free_);
    if (in_flight_.empty()) front_since_ = now;
    begin(*next, now);
    issue_free_ = now + static_cast<Cycle>(machine_.parameters.dma.setup_cycles);
    queue_.pop(now);
    offer(now);
    if (!queue_.channel.empty()) wake_at(issue_free_);
  }
}

}  // namespace triad::tpu
