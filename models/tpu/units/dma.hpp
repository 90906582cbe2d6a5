#pragma once
#include <deque>
#include <memory>

#include "models/memory/memory.hpp"
#include "models/tpu/units/queue_unit.hpp"

namespace triad::tpu {

/// One direction of the DMA: a queue of transfers, several in flight, completed in order. A load's bytes reach on-chip
/// memory, a store's bytes leave it, at the cycle in which the memory's completion is seen.
class Dma : public kit::Unit {
 public:
  Dma(Machine& machine, memory::Memory& memory, int unit);
  Queue& queue() { return queue_; }
  std::string waits_for() const override { return queue_.waits_for(cycle()); }

 private:
  struct InFlight {
    Issued issued;
    int use = 0;                   ///< of on-chip memory
    int memory_use = 0;            ///< of device memory
    std::vector<std::byte> bytes;  ///< of a store, taken when it was issued
    Cycle done = never;
  };
  void step() override;
  bool issue(const Issued& issued, Cycle now);
  void complete(const InFlight& transfer, Cycle now);

  Machine& machine_;
  memory::Memory& memory_;
  Queue queue_;
  bool load_;
  Stack stack_;
  int moved_;
  std::deque<std::unique_ptr<InFlight>> in_flight_;
  Cycle issue_free_ = 0;
  Cycle front_since_ = 0;
};

}  // namespace triad::tpu
