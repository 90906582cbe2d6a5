#pragma once
#include <deque>

#include "models/tpu/units/queue_unit.hpp"

namespace triad::tpu {

/// The vector unit: fp32 lanes over on-chip memory, one instruction at a time, pipelined: the next may begin when the
/// lanes are free, results are valid `latency_cycles` after the last element entered.
class Vpu : public kit::Unit {
 public:
  explicit Vpu(Machine& machine);
  Queue& queue() { return queue_; }
  std::string waits_for() const override { return queue_.waits_for(cycle()); }

 private:
  struct InFlight {
    Issued issued;
    std::vector<int> uses;
    std::vector<std::vector<float>> results;
    Cycle done = 0;
  };
  void step() override;
  void issue(const Issued& issued, Cycle now);
  void complete(const InFlight& entry, Cycle now);

  Machine& machine_;
  Queue queue_;
  Stack stack_;
  int additions_, multiplications_, vmem_;
  std::deque<InFlight> in_flight_;
  Cycle free_ = 0;
};

/// The transpose unit: takes one row of a block a cycle (as many elements as a matrix unit has columns), then delivers
/// its columns.
class Transposer : public kit::Unit {
 public:
  explicit Transposer(Machine& machine);
  Queue& queue() { return queue_; }
  std::string waits_for() const override { return queue_.waits_for(cycle()); }
  static Cycle occupancy(const Transpose& instruction, int columns);

 private:
  struct InFlight {
    Issued issued;
    int read = 0, write = 0;
    std::vector<std::byte> result;  ///< dense
    Cycle done = 0;
  };
  void step() override;
  void issue(const Issued& issued, Cycle now);
  void complete(const InFlight& entry, Cycle now);

  Machine& machine_;
  Queue queue_;
  Stack stack_;
  int vmem_;
  std::deque<InFlight> in_flight_;
  Cycle free_ = 0;
};

}  // namespace triad::tpu
