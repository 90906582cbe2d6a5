#include "models/tpu/units/sequencer.hpp"

#include <fmt/core.h>

#include <cmath>

namespace triad::tpu {

Sequencer::Sequencer(Machine& machine, const std::vector<Instruction>& program, int steps)
    : Unit("sequencer", machine.clock),
      machine_(machine),
      program_(program),
      steps_(steps),
      stack_(machine, "sequencer", activity::Resource::launch),
      dispatched_action_(stack_.track.add_action("instructions", machine.technology.picojoules("command"))) {
  machine.tokens.add_listener(*this);
}

void Sequencer::connect(std::vector<Queue*> queues_by_unit, std::vector<kit::Unit*> units) {
  queues_ = std::move(queues_by_unit);
  for (std::size_t u = 0; u < queues_.size(); ++u) queues_[u]->channel.connect(*this, *units[u]);
}

void Sequencer::launch(Cycle now) {
  const double cycles = machine_.parameters.sequencer.launch_seconds * static_cast<double>(clock().hz());
  ready_ = now + std::max<Cycle>(1, static_cast<Cycle>(std::ceil(cycles)));
  launched_ = true;
  // The launch belongs to the step's first op: without it that op could not begin.
  stack_.record(activity::State::launch, {program_.empty() ? -1 : program_.front().op, step_}, now, ready_);
  wake_at(ready_);
}

bool Sequencer::step_complete(Cycle now) const {
  for (int u = 0; u < machine_.parameters.units(); ++u) {
    const std::uint64_t all =
        machine_.instructions_per_step[static_cast<std::size_t>(u)] * static_cast<std::uint64_t>(step_ + 1);
    if (machine_.tokens.seen(u, now) < all) return false;
  }
  return true;
}

void Sequencer::step() {
  const Cycle now = cycle();
  if (finished()) return;
  if (!launched_ && step_ % machine_.parameters.sequencer.steps_per_launch == 0) return launch(now);
  if (now < ready_) return wake_at(ready_);
  if (next_ == 0) machine_.vmem.forget();
  if (next_ < program_.size()) {
    const Instruction& instruction = program_[next_];
    Queue& queue = *queues_[static_cast<std::size_t>(instruction.unit)];
    if (!queue.channel.has_room(now)) return;  // woken when the unit takes one
    queue.channel.push({&instruction, step_}, now);
    stack_.record(activity::State::busy, {}, now, now + 1);
    stack_.track.count(dispatched_action_, 1, now, now + 1);
    ++next_;
    return wake_at(now + 1);
  }
  if (!step_complete(now)) return;  // woken by the tokens
  next_ = 0;
  launched_ = false;
  if (++step_ < steps_) wake_at(now + 1);
}

std::string Sequencer::waits_for() const {
  if (finished()) return {};
  if (next_ < program_.size()) {
    const Instruction& instruction = program_[next_];
    return fmt::format("room in the queue of {} for instruction {} of {}, step {}",
                       machine_.parameters.unit_name(instruction.unit), next_ + 1, program_.size(), step_);
  }
  return fmt::format("the completion of step {}", step_);
}

}  // namespace triad::tpu
