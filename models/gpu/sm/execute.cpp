#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "models/gpu/sm/sm.hpp"
#include "sim/device/device.hpp"

/// What instructions do when they issue: values at once, times as the pipes allow.
namespace triad::gpu {
namespace {

constexpr LaneWords zeros{};

/// A loaded element as the 32 bits of a register.
std::uint32_t extend(Type type, std::uint32_t raw) {
  switch (type) {
    case Type::u8:
      return raw & 0xffu;
    case Type::s8:
      return static_cast<std::uint32_t>(std::int32_t{static_cast<std::int8_t>(raw)});
    case Type::u16:
      return raw & 0xffffu;
    case Type::s16:
      return static_cast<std::uint32_t>(std::int32_t{static_cast<std::int16_t>(raw)});
    default:
      return raw;
  }
}

void load_lane(const Instruction& i, LaneWords* registers, int lane, const std::byte* from) {
  const int bytes = bytes_of(i.type);
  if (bytes <= 4) {
    std::uint32_t raw = 0;
    std::memcpy(&raw, from, static_cast<std::size_t>(bytes));
    registers[i.d][lane] = extend(i.type, raw);
    return;
  }
  for (int w = 0; w < bytes / 4; ++w) std::memcpy(&registers[i.d + w][lane], from + 4 * w, 4);
}

void store_lane(const Instruction& i, const LaneWords* registers, int lane, std::byte* to) {
  const int bytes = bytes_of(i.type);
  for (int w = 0; w < (bytes + 3) / 4; ++w) {
    const std::uint32_t value = i.c == register_zero ? 0 : registers[i.c + w][lane];
    std::memcpy(to + 4 * w, &value, static_cast<std::size_t>(std::min(bytes, 4)));
  }
}

}  // namespace

void Sm::fault(const Slot& slot, const std::string& what, Cycle now) const {
  const Block& block = blocks_[slot.block];
  const std::uint32_t pc = slot.warp.pc();
  throw device::Fault(fmt::format("kernel {}, instruction {} ({}), sm{} block ({},{},{}) warp {}, cycle {}: {}",
                                  run_->code->kernel().name, pc, info(slot.next->instruction.op).mnemonic, index_,
                                  block.index.x, block.index.y, block.index.z, slot.index, now, what));
}

/// Lanes for which the guard holds.
std::uint32_t Sm::guard(const Slot& slot, const Instruction& i) const {
  return slot.predicates[i.guard.index] ^ (i.guard.negate ? ~0u : 0u);
}

void Sm::arithmetic(Slot& slot, const Decoded& d, std::uint32_t lanes) {
  const Instruction& i = d.instruction;
  if (lanes == 0) return;
  if (i.op == Opcode::s2r) {
    if (d.d_count == 0) return;
    for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const auto lane = static_cast<std::uint32_t>(std::countr_zero(rest));
      slot.registers[i.d][lane] =
          special_value(static_cast<Special>(i.selector), run_->launch, blocks_[slot.block].index, slot.index, lane);
    }
    return;
  }
  const auto predicate = [&](PredicateSource p) { return slot.predicates[p.index] ^ (p.negate ? ~0u : 0u); };
  const LaneWords* c = d.reads_c ? &slot.registers[i.c] : &zeros;
  const LaneOperands operands{d.reads_a ? &slot.registers[i.a] : &zeros,
                              d.reads_b                   ? &slot.registers[i.b]
                              : i.b_source == Source::reg ? &zeros
                                                          : &run_->b_values[slot.warp.pc()],
                              c,
                              d.c_count > 1 ? c + 1 : &zeros,
                              predicate(i.p),
                              predicate(i.q)};
  LaneWords unused;
  const bool has_d = uses(i.op, field_d);
  const LaneTargets targets{!has_d          ? nullptr
                            : d.d_count > 0 ? &slot.registers[i.d]
                                            : &unused,
                            d.d_count > 1 ? &slot.registers[i.d + 1] : nullptr,
                            d.writes_predicate ? &slot.predicates[i.pd] : nullptr};
  execute_lanes(i, operands, lanes, targets);
}

void Sm::control(int at, const Decoded& d, std::uint32_t lanes, Cycle now) {
  Slot& slot = slots_[at];
  const Instruction& i = d.instruction;
  switch (i.op) {
    case Opcode::bra:
      slot.warp.branch(lanes, i.b);
      return;
    case Opcode::bssy:
      slot.warp.join(i.selector, lanes);
      slot.warp.advance();
      return;
    case Opcode::bsync:
      slot.warp.converge(i.selector);
      return;
    case Opcode::bar: {
      slot.warp.wait_at_barrier(i.selector);
      refresh(at);
      check_barrier(slot.block, i.selector, now);
      return;
    }
    case Opcode::exit: {
      Block& block = blocks_[slot.block];
      block.threads -= static_cast<std::uint32_t>(std::popcount(lanes));
      const int number = slot.block;
      slot.warp.exit(lanes);
      if (slot.warp.finished()) {
        retire(at, now);
      } else {
        refresh(at);
      }
      if (block.threads > 0 && waits_[static_cast<std::size_t>(Wait::barrier)] > 0) {
        for (int n = 0; n < convergence_registers; ++n) check_barrier(number, n, now);
      }
      return;
    }
    default:
      slot.warp.advance();  // NOP
  }
}

/// The addresses of the lanes; one that is not aligned to the access or beyond `limit` bytes is a fault.
LaneAddresses Sm::addresses(const Slot& slot, const Decoded& d, std::uint32_t lanes, std::uint64_t limit,
                            Cycle now) const {
  const Instruction& i = d.instruction;
  const std::int64_t offset = static_cast<std::int32_t>(i.b);
  const bool wide = a_registers(i) == 2;
  const LaneWords& low = d.reads_a ? slot.registers[i.a] : zeros;
  const LaneWords& high = d.reads_a && wide ? slot.registers[i.a + 1] : zeros;
  const auto bytes = static_cast<std::uint64_t>(bytes_of(i.type));
  LaneAddresses at;
  bool good = true;
  if (wide) {
    good = limit >= bytes && wide_addresses(low, high, offset, lanes, bytes, limit, at);
  } else {
    for (int lane = 0; lane < warp_size; ++lane) {
      at[lane] = low[lane] + static_cast<std::uint32_t>(offset);
      const bool inside = at[lane] % bytes == 0 && at[lane] < limit && bytes <= limit - at[lane];
      good &= inside || ((lanes >> lane) & 1u) == 0;
    }
  }
  if (good) return at;
  for (int lane = 0; lane < warp_size; ++lane) {
    if (((lanes >> lane) & 1u) == 0) continue;
    if (at[lane] % bytes != 0) {
      fault(slot, fmt::format("lane {}: address {:#x} is not aligned to {} bytes", lane, at[lane], bytes), now);
    }
    if (at[lane] >= limit || bytes > limit - at[lane]) {
      fault(slot, fmt::format("lane {}: address {:#x} is beyond the {} bytes there are", lane, at[lane], limit), now);
    }
  }
  return at;
}

/// The load-store unit takes one instruction at a time, in the order of issue, for as many cycles as it needs.
Cycle Sm::enter_load_store(SubCore& sub, int cycles, Cycle now) {
  const Cycle start = std::max(now + 1, load_store_free_);
  load_store_free_ = start + static_cast<Cycle>(cycles);
  sub.started[sub.memory_instructions++ % max_memory_queue] = start;
  return start;
}

/// Accesses of 4 bytes, which nearly all are; returns the cycles that the banks need.
int Sm::shared_words_access(Slot& slot, const Decoded& d, std::uint32_t lanes, Cycle now) {
  const Instruction& i = d.instruction;
  std::vector<std::uint32_t>& shared = blocks_[slot.block].shared;
  LaneWords words;
  if (!shared_words(d.reads_a ? slot.registers[i.a] : zeros, i.b, lanes, static_cast<std::uint32_t>(4 * shared.size()),
                    words)) {
    addresses(slot, d, lanes, 4 * shared.size(), now);  // throws, naming lane and address
  }
  if (i.op == Opcode::lds) {
    if (d.d_count > 0) gather_words(shared.data(), words, lanes, slot.registers[i.d]);
  } else {
    const LaneWords& values = d.reads_c ? slot.registers[i.c] : zeros;
    for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int lane = std::countr_zero(rest);
      shared[words[lane]] = values[lane];
    }
  }
  KernelRun::BankCost& known = run_->bank_costs[slot.warp.pc()];
  if (known.lanes != lanes || !same_distances(words, known.words)) {
    LaneAddresses at;
    for (int lane = 0; lane < warp_size; ++lane) at[lane] = std::uint64_t{words[lane]} * 4;
    known = {words, lanes, bank_cycles(at, lanes, 4, parameters_.shared_banks)};
  }
  return known.cycles;
}

std::pair<Cycle, Cycle> Sm::shared_access(SubCore& sub, int number, const Decoded& d, std::uint32_t lanes, Cycle now) {
  Slot& slot = slots_[number];
  const Instruction& i = d.instruction;
  const int bytes = bytes_of(i.type);
  int cycles = 1;
  if (bytes == 4 && lanes != 0) {
    cycles = shared_words_access(slot, d, lanes, now);
  } else if (lanes != 0) {
    std::vector<std::uint32_t>& shared = blocks_[slot.block].shared;
    const LaneAddresses at = addresses(slot, d, lanes, 4 * shared.size(), now);
    cycles = bank_cycles(at, lanes, bytes, parameters_.shared_banks);
    auto* memory = reinterpret_cast<std::byte*>(shared.data());
    for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
      const int lane = std::countr_zero(rest);
      if (i.op == Opcode::sts) {
        store_lane(i, slot.registers, lane, memory + at[lane]);
      } else if (d.d_count > 0) {
        load_lane(i, slot.registers, lane, memory + at[lane]);
      }
    }
  }
  counters_.add(Action::shared_bytes, lane_count(lanes) * static_cast<std::uint64_t>(bytes));
  const Cycle start = enter_load_store(sub, cycles, now);
  // Without a wait and without a conflict: start = now + 1, valid = now + latency.
  return {start - 1 + static_cast<Cycle>(cycles - 1 + parameters_.shared_latency_cycles), start};
}

std::pair<Cycle, Cycle> Sm::global_access(SubCore& sub, int number, const Decoded& d, std::uint32_t lanes, Cycle now) {
  Slot& slot = slots_[number];
  const Instruction& i = d.instruction;
  const LaneAddresses at = addresses(slot, d, lanes, memory_bytes_, now);
  const Sectors sectors = coalesce(at, lanes);
  const int moved = sectors.count * static_cast<int>(sector_bytes);
  const int cycles = std::max(1, (moved + parameters_.bytes_per_cycle - 1) / parameters_.bytes_per_cycle);
  const Cycle start = enter_load_store(sub, cycles, now);
  const Cycle leaves = start + static_cast<Cycle>(cycles - 1 + parameters_.global_latency_cycles / 2);
  if (sectors.count == 0) return {start + static_cast<Cycle>(parameters_.global_latency_cycles), start};
  if (i.op == Opcode::ldg) {
    if (d.d_count > 0) load_global(slot, i, at, sectors, lanes);
  } else {
    store_global(slot, i, at, lanes);
  }
  send(number, d, sectors, leaves);
  return {i.op == Opcode::ldg ? never : start, start};
}

void Sm::load_global(Slot& slot, const Instruction& i, const LaneAddresses& at, const Sectors& sectors,
                     std::uint32_t lanes) {
  std::array<std::uint32_t, warp_size * sector_bytes / 4> data;
  for (int s = 0; s < sectors.count;) {
    int end = s + 1;
    while (end < sectors.count && sectors.number[end] == sectors.number[end - 1] + 1) ++end;
    contents_.read(sectors.number[s] * sector_bytes,
                   reinterpret_cast<std::byte*>(data.data()) + static_cast<std::uint64_t>(s) * sector_bytes,
                   static_cast<std::uint64_t>(end - s) * sector_bytes);
    s = end;
  }
  // Where each lane's bytes lie in `data`. Neighbours mostly name the same sector or the next.
  std::array<std::uint32_t, warp_size> place{};
  const auto begin = sectors.number.begin(), end = begin + sectors.count;
  auto found = begin;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    const std::uint64_t sector = at[lane] / sector_bytes;
    if (*found != sector)
      found = found + 1 < end && found[1] == sector ? found + 1 : std::lower_bound(begin, end, sector);
    place[lane] =
        static_cast<std::uint32_t>(static_cast<std::uint64_t>(found - begin) * sector_bytes + at[lane] % sector_bytes);
  }
  if (bytes_of(i.type) == 4) {
    for (std::uint32_t& byte : place) byte /= 4;
    return gather_words(data.data(), place, lanes, slot.registers[i.d]);
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(data.data());
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    load_lane(i, slot.registers, lane, bytes + place[lane]);
  }
}

void Sm::store_global(const Slot& slot, const Instruction& i, const LaneAddresses& at, std::uint32_t lanes) {
  if (!values_ && !run_->control) return;
  const auto bytes = static_cast<std::uint64_t>(bytes_of(i.type));
  // Lanes that store next to their neighbour go together.
  std::array<std::byte, warp_size * 16> data;
  std::uint64_t first = 0, length = 0;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    if (length > 0 && at[lane] != first + length) {
      contents_.write(first, data.data(), length);
      length = 0;
    }
    if (length == 0) first = at[lane];
    store_lane(i, slot.registers, lane, data.data() + length);
    length += bytes;
  }
  if (length > 0) contents_.write(first, data.data(), length);
}

void Sm::send(int number, const Decoded& d, const Sectors& sectors, Cycle leaves) {
  if (free_accesses_.empty()) {
    free_accesses_.push_back(static_cast<int>(accesses_.size()));
    accesses_.emplace_back();
  }
  const int access = free_accesses_.back();
  free_accesses_.pop_back();
  const Instruction& i = d.instruction;
  const bool load = i.op == Opcode::ldg;
  cut_into_ranges(sectors, ranges_);
  accesses_[access] = {number, i.control.write_barrier, i.d, d.d_count, load, static_cast<int>(ranges_.size()), 0};
  if (load) {
    if (i.control.write_barrier == no_barrier) ++blocks_[slots_[number].block].events;
  } else {
    ++stores_outstanding_;
  }
  for (const SectorRange& range : ranges_) {
    outgoing_.push_back({leaves,
                         {range.first * sector_bytes, range.length * sector_bytes, range.rows,
                          static_cast<std::int64_t>(range.stride * sector_bytes), !load, run_->tag},
                         access});
  }
}

}  // namespace triad::gpu
