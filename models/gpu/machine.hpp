#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "models/gpu/l2/l2.hpp"
#include "models/gpu/parameters.hpp"
#include "models/gpu/program.hpp"
#include "models/gpu/sm/sm.hpp"
#include "models/kit/unit.hpp"

namespace triad::gpu {

/// The chip without its memory: front end (one kernel after the other), block scheduler, SMs, and the way to memory.
/// One unit steps all SMs, one after the other through a window of `horizon` cycles each: within it nothing that one
/// does can reach another, so the result is that of stepping all of them cycle by cycle.
class Machine : public kit::Unit {
 public:
  Machine(const sc_core::sc_module_name& name, const Parameters& parameters, const GpuProgram& program, int steps,
          memory::Memory& memory, activity::Recorder& recorder, const activity::Technology& technology, bool check);

  /// All launches of all steps are done.
  bool finished() const { return phase_ == Phase::done; }
  /// Records everything up to the run's end.
  void finish();
  int steps_done() const { return step_; }
  std::uint64_t instructions_issued() const;
  std::string waits_for() const override;

 private:
  enum class Phase { launching, running, ending, flushing, done };
  void step() override;
  void advance(Cycle now);
  void prepare_launch(Cycle now);
  void begin_kernel(Cycle now);
  void run_window(Cycle now);
  void dispatch(Cycle until);
  Cycle next_room(std::size_t sm) const;
  bool send(Cycle now);
  /// Requests that may be in flight.
  int credits() const { return l2_ != nullptr ? l2_->parameters().in_flight : memory_.parameters().credits; }
  void completed(int sm, int access, kit::Time at);
  void end_kernel();
  Cycle next_cycle(Cycle now, bool credits_left) const;

  Parameters parameters_;
  const GpuProgram& program_;
  int steps_;
  memory::Memory& memory_;
  std::unique_ptr<L2> l2_;  ///< the way to memory; nullptr: the SMs reach it directly
  activity::Recorder& recorder_;
  States front_end_;
  int launched_action_;
  std::vector<Sm> sms_;

  Phase phase_ = Phase::launching;
  int step_ = 0;
  std::size_t launch_ = 0;
  std::unique_ptr<KernelRun> run_;
  Cycle launch_begin_ = 0, launch_end_ = 0;
  Cycle window_end_ = 0;  ///< the SMs have been stepped up to here
  // Of the running kernel:
  std::uint64_t next_block_ = 0, blocks_ = 0, finished_ = 0;
  Cycle next_dispatch_ = 0;
  struct Room {
    int blocks = 0;           ///< places of an SM that are free
    std::deque<Cycle> freed;  ///< cycles from which further ones are
  };
  std::vector<Room> room_;
  std::size_t dispatch_to_ = 0, send_from_ = 0;  ///< SMs take turns
  std::vector<std::size_t> senders_;             ///< that have something to send now
  int requests_ = 0;                             ///< in flight, as the machine knows it
  std::deque<Cycle> credits_;                    ///< cycles in which it learns that one was freed
  std::uint64_t computed_ = 0;                   ///< of the chip, in 2^-20 cycles, not covered yet
  Cycle covered_ = 0;                            ///< end of the last cover
};

}  // namespace triad::gpu
