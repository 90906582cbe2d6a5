#pragma once
#include <optional>

#include "models/kit/channel.hpp"
#include "models/kit/scratchpad.hpp"
#include "models/tpu/isa.hpp"
#include "models/tpu/units/tokens.hpp"
#include "sim/activity/technology.hpp"

namespace triad::tpu {

/// An instruction on its way through a unit.
struct Issued {
  std::shared_ptr<const Instruction> instruction;  ///< keeps the op's instructions alive
  int step = 0;                                    ///< training step
  activity::Tag tag() const { return {instruction->op, step}; }
};

/// What units share.
struct Machine {
  const Parameters& parameters;
  kit::Clock clock;
  activity::Recorder& recorder;
  const activity::Technology& technology;
  kit::Scratchpad& vmem;
  kit::Uses& memory_uses;  ///< of device memory, by the DMA
  Tokens& tokens;
  /// Instructions of each unit before the step: what its waits count from.
  std::vector<std::uint64_t> before_step;
  bool values;  ///< false: addresses and timing only
};

/// An instruction queue: in order, each instruction waits for its tokens.
class Queue {
 public:
  Queue(Machine& machine, int unit)
      : machine_(machine), unit_(unit), channel(static_cast<std::size_t>(machine.parameters.sequencer.queue_depth)) {}
  int unit() const { return unit_; }
  /// The instruction at the front when it is visible and has its tokens.
  const Issued* ready(Cycle now);
  /// Takes it off.
  void pop(Cycle now) {
    channel.pop(now);
    last_missing_ = nullptr;
  }
  /// Was the token that came last to the instruction at the front the DMA's?
  bool waited_for_memory() const;
  /// The first token that is not there yet.
  const Wait* missing(const Issued& issued, Cycle now) const;
  /// "token mxu0, 3 of 4 there", or empty.
  std::string waits_for(Cycle now) const;

 private:
  Machine& machine_;
  int unit_;
  const Wait* last_missing_ = nullptr;  ///< of the instruction at the front: units look at every token

 public:
  kit::Channel<Issued> channel;
};

/// The cycle stack of a unit that does one instruction at a time: cycles before an instruction in which it stood at the
/// front are waiting, for memory when the token that came last is the DMA's, for operands otherwise.
class Stack {
 public:
  Stack(Machine& machine, const std::string& name, activity::Resource resource)
      : track(machine.recorder, name, machine.clock, resource) {}
  kit::Track track;
  /// Records `state` over [from, to), cut to what is not recorded yet.
  void record(activity::State state, activity::Tag tag, Cycle from, Cycle to);
  /// Records that the instruction at the front of the queue waited until now. A wait belongs to no op: what it waited
  /// for does.
  void record_wait(const Queue& queue, Cycle now);

 private:
  Cycle last_ = 0;
};

}  // namespace triad::tpu
