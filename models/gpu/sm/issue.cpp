#include <algorithm>
#include <tuple>

#include "models/gpu/sm/sm.hpp"

/// The issue stage: which warp, from which registers, into which pipe.
namespace triad::gpu {

/// The cycle from which the slot's next instruction finds its warp, pipe and queue ready.
Cycle Sm::earliest(const SubCore& sub, int slot) const {
  const Pipe pipe = pipe_[slot];
  Cycle cycle = std::max({ready_[slot], sub.issue_free, sub.pipe_free[static_cast<std::size_t>(pipe)]});
  if (pipe == Pipe::memory) {
    const auto depth = static_cast<std::uint32_t>(parameters_.queue);
    if (sub.memory_instructions >= depth) {
      cycle = std::max(cycle, sub.started[(sub.memory_instructions - depth) % max_memory_queue]);
    }
  }
  return cycle;
}

void Sm::issue_from(SubCore& sub, Cycle now) {
  const auto can = [&](int slot) { return wait_[slot] == Wait::nothing && earliest(sub, slot) <= now; };
  if (sub.last >= 0 && !sub.yielded && can(sub.last)) return issue(sub, sub.last, now);
  int chosen = -1;
  Cycle next = never;
  const int n = static_cast<int>(sub.order.size());
  for (int k = 0; k < n; ++k) {
    const int slot = sub.order[parameters_.scheduler == Scheduler::cggty ? n - 1 - k : k];
    if (wait_[slot] != Wait::nothing) continue;
    const Cycle cycle = earliest(sub, slot);
    // A warp that yielded is the last choice.
    if (cycle <= now && (chosen < 0 || chosen == sub.last)) chosen = slot;
    if (cycle <= now && chosen != sub.last) break;
    next = std::min(next, cycle);
  }
  sub.yielded = false;
  if (chosen >= 0) return issue(sub, chosen, now);
  sub.wake = next;
}

void Sm::issue(SubCore& sub, int at, Cycle now) {
  Slot& slot = slots_[at];
  const Decoded& d = *slot.next;
  const Instruction& i = d.instruction;
  const std::uint32_t active = slot.warp.active(), lanes = active & guard(slot, i);
  if (check_) {
    const std::string hazard = hazards_[at].check(d, lanes, active, now);
    if (!hazard.empty()) fault(slot, "hazard: " + hazard, now);
  }
  ++instructions_issued_;
  counters_.begin_cycle(now);
  counters_.add(Action::instructions, 1);
  const std::uint64_t count = lane_count(lanes);
  counters_.add(d.action, count);
  counters_.add(d.second_action, count);  // of Action::none, too: cheaper than to ask
  bool conflict = false;
  const int read = register_reads(sub, at, d, conflict);
  counters_.add(Action::register_bytes, 4 * count * static_cast<std::uint64_t>(read + d.d_count));
  sub.pipe_free[static_cast<std::size_t>(d.pipe)] = now + d.busy_cycles;
  const Cycle done = now + std::max<Cycle>(1, d.busy_cycles);
  if (done > busy_until_) {
    busy_cycles_ += done - std::max(now, busy_until_);
    busy_until_ = done;
  }
  sub.last = at;
  sub.yielded = i.control.yield;
  sub.issue_free = now + 1 + (conflict ? 1 : 0);
  sub.wake = sub.issue_free;
  ready_[at] = now + d.stall;

  Cycle valid = now + std::max<Cycle>(1, d.latency_cycles), sources = 0;
  if (d.pipe == Pipe::control) {
    control(at, d, lanes, now);
  } else if (d.pipe == Pipe::memory) {
    const bool shared = i.op == Opcode::lds || i.op == Opcode::sts;
    std::tie(valid, sources) = shared ? shared_access(sub, at, d, lanes, now) : global_access(sub, at, d, lanes, now);
    slot.warp.advance();
  } else {
    arithmetic(slot, d, lanes);
    if (d.pipe == Pipe::sfu) {
      valid = now + static_cast<Cycle>(parameters_.sfu_latency_cycles);
      sources = now + 1;  // read at issue (isa/README.md)
    }
    if (i.op == Opcode::ffma) {
      first_mac_ = std::min(first_mac_, now);
      last_mac_ = std::max(last_mac_, now + d.latency_cycles);
    }
    slot.warp.advance();
  }
  if (check_) hazards_[at].issued(d, lanes, valid, sources);
  if (d.latency_cycles == 0 && d.pipe != Pipe::control) {
    const auto hold = [&](std::uint8_t barrier, Cycle until) {
      if (barrier == no_barrier) return;
      ++slot.pending[barrier];
      slot.pending_mask |= static_cast<std::uint8_t>(1u << barrier);
      if (d.pipe == Pipe::memory) slot.memory_mask |= static_cast<std::uint8_t>(1u << barrier);
      ++blocks_[slot.block].events;
      if (until != never) add_event(until, at, barrier);
    };
    hold(i.control.write_barrier, valid);
    hold(i.control.read_barrier, sources);
  }
  if (wait_[at] != Wait::vacant) refresh(at);
}

/// Registers that are read from the banks (not from the reuse cache), and whether a bank has to deliver more than its
/// two operands: then nothing issues in the next cycle (Jia et al. 2018, register bank conflicts of Volta).
int Sm::register_reads(SubCore& sub, int slot, const Decoded& d, bool& conflict) {
  const Instruction& i = d.instruction;
  if (sub.reuse_slot != slot) sub.reuse.fill(register_zero);
  sub.reuse_slot = slot;
  std::array<int, 8> of_bank{};
  std::array<int, 3> wanted{-1, -1, -1};  // a register that is named twice is read once
  int reads = 0;
  const auto operand = [&](int position, bool read, int reg, int count) {
    if (read && sub.reuse[position] != reg && reg != wanted[0] && reg != wanted[1]) {
      for (int r = reg; r < reg + count; ++r) ++of_bank[r & (parameters_.register_banks - 1)];
      reads += count;
      wanted[position] = reg;
    }
    const bool keep = read && ((i.control.reuse >> position) & 1u) != 0;
    sub.reuse[position] = keep ? static_cast<std::uint8_t>(reg) : register_zero;
  };
  operand(0, d.reads_a, i.a, d.a_count);
  operand(1, d.reads_b, static_cast<int>(i.b), 1);
  operand(2, d.reads_c, i.c, d.c_count);
  // Memory instructions read their data over several cycles, behind the queue.
  conflict = d.pipe != Pipe::memory && *std::max_element(of_bank.begin(), of_bank.end()) > 2;
  return reads;
}

}  // namespace triad::gpu
