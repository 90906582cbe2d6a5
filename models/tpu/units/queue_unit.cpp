#include "models/tpu/units/queue_unit.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace triad::tpu {

const Wait* Queue::missing(const Issued& issued, Cycle now) const {
  for (const Wait& wait : issued.instruction->waits) {
    const std::uint64_t before = machine_.before_step[static_cast<std::size_t>(wait.unit)];
    if (machine_.tokens.seen(wait.unit, now) < before + wait.count) return &wait;
  }
  return nullptr;
}

const Issued* Queue::ready(Cycle now) {
  const Issued* front = channel.front(now);
  if (front == nullptr) return nullptr;
  const Wait* wait = missing(*front, now);
  if (wait == nullptr) return front;
  last_missing_ = wait;
  return nullptr;
}

bool Queue::waited_for_memory() const {
  const Parameters& p = machine_.parameters;
  return last_missing_ != nullptr && (last_missing_->unit == p.load_unit() || last_missing_->unit == p.store_unit());
}

std::string Queue::waits_for(Cycle now) const {
  if (channel.empty()) return {};
  const Issued* front = channel.front(now + 1);
  const Wait* wait = missing(*front, now + 1);
  const std::string instruction = to_string(*front->instruction, machine_.parameters);
  if (wait == nullptr) return "instruction " + instruction;
  const std::uint64_t before = machine_.before_step[static_cast<std::size_t>(wait->unit)];
  return fmt::format("token of {}, {} of {} there; instruction {}", machine_.parameters.unit_name(wait->unit),
                     machine_.tokens.seen(wait->unit, now + 1), before + wait->count, instruction);
}

void Stack::record(activity::State state, activity::Tag tag, Cycle from, Cycle to) {
  from = std::max(from, last_);
  if (from >= to) return;
  track.state(state, tag, from, to);
  last_ = to;
}

void Stack::record_wait(const Queue& queue, Cycle now) {
  record(queue.waited_for_memory() ? activity::State::memory : activity::State::operands, {},
         queue.channel.front_pushed() + 1, now);
}

}  // namespace triad::tpu
