#include "models/gpu/sm/sm.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

namespace triad::gpu {

using activity::State;

Sm::Sm(int index, const SmParameters& parameters, memory::Contents& contents, std::uint64_t memory_bytes,
       kit::Track track, const activity::Technology& technology, std::uint64_t clock_hz, bool check)
    : index_(index),
      parameters_(parameters),
      contents_(contents),
      memory_bytes_(memory_bytes),
      states_(track),
      counters_(track, technology, parameters, clock_hz),
      check_(check),
      blocks_(static_cast<std::size_t>(parameters.blocks)),
      sub_cores_(static_cast<std::size_t>(parameters.sub_cores)) {
  waits_[static_cast<std::size_t>(Wait::vacant)] = max_warp_slots;
  for (int at = 0; at < max_warp_slots; ++at) {
    sub_core_of_[at] = static_cast<std::uint8_t>(at % parameters.sub_cores);
  }
  if (check) hazards_.resize(max_warp_slots);
}

void Sm::begin(const KernelRun& run) {
  run_ = &run;
  std::string limit;
  room_ = occupancy(parameters_, *run.code, run.launch.block, limit);
  first_mac_ = never;
  last_mac_ = 0;
  last_event_ = 0;
}

void Sm::dispatch(Dimensions block_index, Cycle at) {
  dispatches_.push_back({block_index, at});
  wake_ = std::min(wake_, at);
}

void Sm::start(Dimensions block_index, Cycle now) {
  if (register_file_.empty()) register_file_.resize(static_cast<std::size_t>(parameters_.registers / warp_size));
  int number = 0;
  while (blocks_[number].warps > 0 || blocks_[number].events > 0) ++number;
  Block& block = blocks_[number];
  const auto threads = static_cast<std::uint32_t>(run_->launch.block.count());
  block.index = block_index;
  block.warps = run_->warps_per_block;
  block.threads = threads;
  block.shared.assign(static_cast<std::size_t>(run_->code->kernel().shared_bytes + 3) / 4, 0);
  const int registers = run_->code->allocated_registers();
  for (int w = 0; w < run_->warps_per_block; ++w) {
    const int at = number * run_->warps_per_block + w;
    Slot& slot = slots_[at];
    const std::uint32_t rest = threads - static_cast<std::uint32_t>(w) * warp_size;
    slot.warp.start(rest >= warp_size ? ~0u : (1u << rest) - 1);
    slot.pending_mask = slot.memory_mask = 0;
    slot.pending.fill(0);
    slot.predicates.fill(0);
    slot.predicates[predicate_true] = ~0u;
    slot.registers = register_file_.data() + static_cast<std::ptrdiff_t>(at) * registers;
    std::fill_n(slot.registers, registers, LaneWords{});
    slot.block = number;
    slot.index = static_cast<std::uint32_t>(w);
    if (check_) hazards_[at].start(registers);
    ready_[at] = now + 1;
    refresh(at);
    SubCore& sub = sub_cores_[sub_core_of_[at]];
    sub.order.push_back(static_cast<std::uint8_t>(at));
    sub.wake = std::min(sub.wake, now + 1);
  }
  ++resident_;
}

void Sm::wait_for_launch(activity::Tag tag, Cycle from, Cycle to) {
  account(from);
  states_.add(State::launch, tag, from, to);
  accounted_ = to;
}

/// The cycles since the last step were spent in the state that held then.
void Sm::account(Cycle now) {
  if (now <= accounted_) return;
  states_.add(waiting_, waiting_tag_, accounted_, now);
  accounted_ = now;
}

/// README.md, cycle stack: memory before operands before barrier.
State Sm::waiting_state() const {
  const auto count = [&](Wait wait) { return waits_[static_cast<std::size_t>(wait)]; };
  if (count(Wait::memory) > 0) return State::memory;
  if (count(Wait::nothing) + count(Wait::operands) > 0) return State::operands;
  if (count(Wait::barrier) + count(Wait::convergence) > 0) return State::barrier;
  return resident_ > 0 || stores_outstanding_ > 0 ? State::memory : State::idle;
}

void Sm::step(Cycle now) {
  account(now);
  stepped_ = now;
  if (((near_mask_ >> (now % near_cycles)) & 1u) != 0) {
    std::vector<Event>& events = near_[now % near_cycles];
    near_mask_ &= ~(std::uint64_t{1} << (now % near_cycles));
    for (const Event& event : events) handle(event, now);
    events.clear();
  }
  while (!events_.empty() && events_.front().cycle <= now) {
    const Event event = events_.front();
    std::pop_heap(events_.begin(), events_.end(), std::greater<>());
    events_.pop_back();
    handle(event, now);
  }
  for (; !dispatches_.empty() && dispatches_.front().at <= now; dispatches_.pop_front()) {
    start(dispatches_.front().block, now);
  }
  const std::uint64_t before = instructions_issued_;
  // The sub-core that comes first to the shared load-store unit changes from cycle to cycle.
  const std::size_t n = sub_cores_.size();
  std::size_t turn = now % n;
  for (std::size_t k = 0; k < n; ++k) {
    SubCore& sub = sub_cores_[turn];
    if (sub.wake <= now) issue_from(sub, now);
    turn = turn + 1 == n ? 0 : turn + 1;
  }
  waiting_ = waiting_state();
  waiting_tag_ = run_->tag;
  if (instructions_issued_ != before) {
    states_.add(State::busy, run_->tag, now, now + 1);
    accounted_ = now + 1;
  }
  wake_ = next_event();
  if (!dispatches_.empty()) wake_ = std::min(wake_, dispatches_.front().at);
  for (const SubCore& sub : sub_cores_) wake_ = std::min(wake_, sub.wake);
}

void Sm::finish(Cycle end) {
  account(end);
  states_.flush();
  counters_.flush(end);
}

void Sm::set_wait(int slot, Wait wait) {
  --waits_[static_cast<std::size_t>(wait_[slot])];
  ++waits_[static_cast<std::size_t>(wait)];
  wait_[slot] = wait;
}

/// What the warp's next instruction waits for now.
void Sm::refresh(int at) {
  Slot& slot = slots_[at];
  if (slot.warp.active() == 0) {
    return set_wait(at, slot.warp.waits_at_barrier() >= 0 ? Wait::barrier : Wait::convergence);
  }
  slot.next = &run_->code->at(slot.warp.pc());
  pipe_[at] = slot.next->pipe;
  const unsigned waits = slot.next->instruction.control.wait_mask & slot.pending_mask;
  set_wait(at, waits == 0 ? Wait::nothing : (waits & slot.memory_mask) != 0 ? Wait::memory : Wait::operands);
}

void Sm::add_event(Cycle cycle, int slot, int barrier) {
  const Event event{cycle, static_cast<std::uint8_t>(slot), static_cast<std::uint8_t>(barrier)};
  if (cycle > stepped_ && cycle - stepped_ < near_cycles) {
    near_[cycle % near_cycles].push_back(event);
    near_mask_ |= std::uint64_t{1} << (cycle % near_cycles);
  } else {
    events_.push_back(event);
    std::push_heap(events_.begin(), events_.end(), std::greater<>());
  }
}

Cycle Sm::next_event() const {
  const Cycle far = events_.empty() ? never : events_.front().cycle;
  if (near_mask_ == 0) return far;
  const auto distance = std::countr_zero(std::rotr(near_mask_, static_cast<int>(stepped_ % near_cycles)));
  return std::min(far, stepped_ + static_cast<Cycle>(distance));
}

void Sm::handle(const Event& event, Cycle now) {
  if (event.barrier == store_done) {
    --stores_outstanding_;
    last_event_ = std::max(last_event_, now);
  } else {
    decrement(event.slot, event.barrier, now);
  }
}

void Sm::decrement(int at, int barrier, Cycle now) {
  Slot& slot = slots_[at];
  --blocks_[slot.block].events;
  if (barrier != no_barrier && --slot.pending[barrier] == 0) {
    slot.pending_mask &= static_cast<std::uint8_t>(~(1u << barrier));
    slot.memory_mask &= static_cast<std::uint8_t>(~(1u << barrier));
    if (wait_[at] == Wait::memory || wait_[at] == Wait::operands) {
      refresh(at);
      SubCore& sub = sub_cores_[sub_core_of_[at]];
      if (wait_[at] == Wait::nothing) sub.wake = std::min(sub.wake, earliest(sub, at));
    }
  }
  release_block(slot.block, now);
}

void Sm::completed(int number, Cycle seen) {
  Access& access = accesses_[number];
  access.seen = std::max(access.seen, seen);
  if (--access.requests > 0) return;
  const Cycle at = access.seen;
  if (access.load) {
    if (check_) hazards_[access.slot].arrived(access.first, access.count, at);
    add_event(at, access.slot, access.barrier);
  } else {
    add_event(at, 0, store_done);
  }
  free_accesses_.push_back(number);
  wake_ = std::min(wake_, at);
}

/// If every living thread of the block waits at the barrier, all go on.
void Sm::check_barrier(int number, int barrier, Cycle now) {
  const Block& block = blocks_[number];
  const int first = number * run_->warps_per_block;
  std::uint32_t waiting = 0;
  for (int at = first; at < first + run_->warps_per_block; ++at) {
    if (wait_[at] != Wait::vacant) waiting += static_cast<std::uint32_t>(slots_[at].warp.threads_at_barrier(barrier));
  }
  if (waiting == 0 || waiting != block.threads) return;
  for (int at = first; at < first + run_->warps_per_block; ++at) {
    Slot& slot = slots_[at];
    if (wait_[at] == Wait::vacant || !slot.warp.release_barrier(barrier)) continue;
    ready_[at] = std::max(ready_[at], now + static_cast<Cycle>(parameters_.barrier_latency_cycles));
    refresh(at);
    SubCore& sub = sub_cores_[sub_core_of_[at]];
    sub.wake = std::min(sub.wake, ready_[at]);
  }
}

void Sm::retire(int at, Cycle now) {
  const Slot& slot = slots_[at];
  set_wait(at, Wait::vacant);
  SubCore& sub = sub_cores_[sub_core_of_[at]];
  std::erase(sub.order, static_cast<std::uint8_t>(at));
  if (sub.last == at) sub.last = -1;
  if (sub.reuse_slot == at) sub.reuse_slot = -1;
  --blocks_[slot.block].warps;
  last_event_ = std::max(last_event_, now);
  release_block(slot.block, now);
}

void Sm::release_block(int number, Cycle now) {
  if (blocks_[number].warps > 0 || blocks_[number].events > 0) return;
  --resident_;
  last_event_ = std::max(last_event_, now);
  finished_blocks_.push_back(now);
}

std::string Sm::waits_for() const {
  static constexpr const char* reasons[wait_count] = {"",         "a pipe",        "memory",
                                                      "a result", "block barrier", "convergence barrier"};
  std::string text;
  int listed = 0;
  for (int at = 0; at < max_warp_slots; ++at) {
    const Slot& slot = slots_[at];
    if (wait_[at] == Wait::vacant || listed == 4) continue;
    ++listed;
    const Block& block = blocks_[slot.block];
    text += fmt::format("{}sm{} block ({},{},{}) warp {} waits for {}", text.empty() ? "" : "; ", index_, block.index.x,
                        block.index.y, block.index.z, slot.index, reasons[static_cast<std::size_t>(wait_[at])]);
    if (wait_[at] == Wait::barrier) {
      text += fmt::format(" {} ({} of its threads there, {} of the block alive)", slot.warp.waits_at_barrier(),
                          slot.warp.threads_at_barrier(slot.warp.waits_at_barrier()), block.threads);
    }
  }
  return text;
}

}  // namespace triad::gpu
