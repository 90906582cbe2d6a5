#pragma once
#include <deque>
#include <functional>

#include "models/tpu/units/queue_unit.hpp"
#include "models/tpu/units/vector_cost.hpp"

namespace triad::tpu {

/// A unit with one queue and a pipeline over on-chip memory: an instruction takes it for `occupancy` cycles, then the
/// next one may begin; results are written `latency_cycles` after the last element entered. A derived unit says what an
/// instruction does.
class PipelinedUnit : public kit::Unit {
 public:
  PipelinedUnit(Machine& machine, int unit, int latency_cycles);
  Queue& queue() { return queue_; }
  std::string waits_for() const override { return queue_.waits_for(cycle()); }

 protected:
  /// What an instruction does from the cycle in which it is issued on.
  struct Work {
    std::vector<int> uses;        ///< of on-chip memory, until the results are written
    std::function<void()> write;  ///< puts the results into on-chip memory; empty without values
    Cycle occupancy = 0;
    std::uint64_t vmem_bytes = 0;  ///< read and written
    Operations operations;         ///< of lanes
  };
  virtual Work begin(const Issued& issued, Cycle now) = 0;

  Machine& machine_;
  Stack stack_;

 private:
  struct InFlight {
    Work work;
    Cycle done;
    std::shared_ptr<const Instruction> instruction;
  };
  void step() override;
  void issue(const Issued& issued, Cycle now);
  void complete(const Work& work, Cycle now);

  Queue queue_;
  Cycle latency_;
  int vmem_, additions_, multiplications_;
  std::deque<InFlight> in_flight_;
  Cycle free_ = 0;
};

}  // namespace triad::tpu
