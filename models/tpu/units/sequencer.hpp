#pragma once
#include "models/tpu/program.hpp"
#include "models/tpu/units/queue_unit.hpp"

namespace triad::tpu {

/// Dispatches the program: after a launch (host doorbell to first instruction), one instruction a cycle in program
/// order into the queues, stopping at a full one; the next step when every unit has completed this one's instructions.
class Sequencer : public kit::Unit {
 public:
  Sequencer(Machine& machine, const TpuProgram& program, int steps);
  void connect(std::vector<Queue*> queues_by_unit, std::vector<kit::Unit*> units);
  void start() { wake_at(0); }
  int steps_done() const { return step_; }
  bool finished() const { return step_ == steps_; }
  std::string waits_for() const override;

 private:
  void step() override;
  void begin_step();
  void launch(Cycle now);
  bool step_complete(Cycle now) const;

  Machine& machine_;
  const TpuProgram& program_;
  int steps_;
  std::vector<Queue*> queues_;
  Stack stack_;
  int dispatched_action_;
  int step_ = 0;
  std::unique_ptr<TpuProgram::Stream> stream_;  ///< of the step, from its launch on
  Chunk chunk_;                                 ///< the instructions that are being dispatched; none at the step's end
  std::size_t next_ = 0;                        ///< of the chunk
  std::uint64_t dispatched_ = 0;                ///< in the step
  std::vector<std::uint64_t> issued_;           ///< to each unit
  bool launched_ = false;
  Cycle ready_ = 0;  ///< the launch is over
};

}  // namespace triad::tpu
