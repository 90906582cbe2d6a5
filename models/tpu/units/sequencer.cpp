#include "models/tpu/units/sequencer.hpp"

#include <fmt/core.h>

#include <cmath>

namespace triad::tpu {

Sequencer::Sequencer(Machine& machine, const TpuProgram& program, int steps)
    : Unit("sequencer", machine.clock),
      machine_(machine),
      program_(program),
      steps_(steps),
      stack_(machine, "sequencer", activity::Resource::launch),
      dispatched_action_(stack_.track.add_action("instructions", machine.technology.picojoules("command"))) {
  machine.tokens.add_listener(*this);
  issued_.resize(static_cast<std::size_t>(machine.parameters.units()));
}

void Sequencer::connect(std::vector<Queue*> queues_by_unit, std::vector<kit::Unit*> units) {
  queues_ = std::move(queues_by_unit);
  for (std::size_t u = 0; u < queues_.size(); ++u) queues_[u]->channel.connect(*this, *units[u]);
}

void Sequencer::begin_step() {
  machine_.before_step = issued_;
  stream_ = program_.open();
  chunk_ = stream_->next();
  next_ = 0;
  dispatched_ = 0;
}

void Sequencer::launch(Cycle now) {
  const double cycles = machine_.parameters.sequencer.launch_seconds * static_cast<double>(clock().hz());
  ready_ = now + std::max<Cycle>(1, static_cast<Cycle>(std::ceil(cycles)));
  launched_ = true;
  // The launch belongs to the step's first op: without it that op could not begin.
  stack_.record(activity::State::launch, {chunk_ == nullptr ? -1 : chunk_->front().op, step_}, now, ready_);
  wake_at(ready_);
}

bool Sequencer::step_complete(Cycle now) const {
  for (int u = 0; u < machine_.parameters.units(); ++u) {
    if (machine_.tokens.seen(u, now) < issued_[static_cast<std::size_t>(u)]) return false;
  }
  return true;
}

void Sequencer::step() {
  const Cycle now = cycle();
  if (finished()) return;
  if (stream_ == nullptr) begin_step();
  if (!launched_ && step_ % machine_.parameters.sequencer.steps_per_launch == 0) return launch(now);
  if (now < ready_) return wake_at(ready_);
  if (dispatched_ == 0) machine_.vmem.forget();
  if (chunk_ != nullptr) {
    const Instruction& instruction = (*chunk_)[next_];
    const auto unit = static_cast<std::size_t>(instruction.unit);
    if (!queues_[unit]->channel.has_room(now)) return;  // woken when the unit takes one
    queues_[unit]->channel.push({{chunk_, &instruction}, step_}, now);
    ++issued_[unit];
    ++dispatched_;
    stack_.record(activity::State::busy, {}, now, now + 1);
    stack_.track.count(dispatched_action_, 1, now, now + 1);
    if (++next_ == chunk_->size()) {
      chunk_ = stream_->next();
      next_ = 0;
    }
    return wake_at(now + 1);
  }
  if (!step_complete(now)) return;  // woken by the tokens
  stream_ = nullptr;
  launched_ = false;
  if (++step_ < steps_) wake_at(now + 1);
}

std::string Sequencer::waits_for() const {
  if (finished()) return {};
  if (chunk_ != nullptr) {
    return fmt::format("room in the queue of {} for instruction {} of step {}",
                       machine_.parameters.unit_name((*chunk_)[next_].unit), dispatched_ + 1, step_);
  }
  return fmt::format("the completion of step {}", step_);
}

}  // namespace triad::tpu
