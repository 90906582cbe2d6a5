#pragma once
#include <deque>
#include <memory>

#include "models/memory/memory.hpp"
#include "models/tpu/units/queue_unit.hpp"

namespace triad::tpu {

/// One direction of the DMA: a queue of transfers. A transfer is cut into requests to the memory, one a cycle; several
/// transfers are in flight, and as many of their requests as the memory takes; transfers complete in order. A load's
/// bytes reach on-chip memory, a store's bytes leave it, at the cycle in which the memory's last completion is seen.
class Dma : public kit::Unit {
 public:
  Dma(Machine& machine, memory::Memory& memory, int unit);
  Queue& queue() { return queue_; }
  std::string waits_for() const override { return queue_.waits_for(cycle()); }

 private:
  struct InFlight {
    Issued issued;
    std::vector<int> uses;             ///< of on-chip memory
    std::vector<int> memory_uses;      ///< of device memory
    std::vector<std::byte> bytes;      ///< of a store, taken when it was issued
    std::deque<memory::Request> rest;  ///< not offered yet
    std::uint64_t outstanding = 0;     ///< offered, not complete
    std::uint64_t offered = 0;         ///< bytes
    Cycle done = 0;                    ///< of the last completion so far
    bool complete(Cycle now) const { return rest.empty() && outstanding == 0 && done <= now; }
  };
  void step() override;
  void begin(const Issued& issued, Cycle now);
  /// Offers requests of the youngest transfer; false when it is to go on later.
  bool offer(Cycle now);
  void complete(const InFlight& transfer, Cycle now);

  Machine& machine_;
  memory::Memory& memory_;
  Queue queue_;
  bool load_;
  Stack stack_;
  int moved_;
  std::deque<std::unique_ptr<InFlight>> in_flight_;
  Cycle issue_free_ = 0;  ///< of the next descriptor
  Cycle offer_free_ = 0;  ///< of the next request
  Cycle front_since_ = 0;
};

/// The requests of a transfer: of the innermost loops of device memory one that is contiguous or strided, the others
/// are apart.
std::vector<memory::Request> requests(const Transfer& transfer, int step);

}  // namespace triad::tpu
