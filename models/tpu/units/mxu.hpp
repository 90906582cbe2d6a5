#pragma once
#include <deque>

#include "models/tpu/units/queue_unit.hpp"

namespace triad::tpu {

/// A matrix unit: two queues (weights, rows) in front of a systolic core, an accumulating result port behind it. The
/// core (models/tpu/systolic) is the part that an RTL twin replaces.
class Mxu : public kit::Unit {
 public:
  Mxu(Machine& machine, int index);
  Queue& weights_queue() { return weights_; }
  Queue& rows_queue() { return rows_; }
  systolic::MatrixCore& core() { return *core_; }
  /// The last instruction is done: records what the cycle stack still owes, checks that nothing is left over in the
  /// core.
  void finish();
  std::string waits_for() const override;

 private:
  struct InFlight {
    Issued issued;
    std::vector<int> uses;
    Cycle since = 0;
    bool waited_for_memory = false;
  };
  /// The cycles in which a tile entered the array.
  struct Fill {
    Cycle from, to;
    bool waited_for_memory;
  };
  void step() override;
  void issue_weights(const Issued& issued, Cycle now);
  void issue_rows(const Issued& issued, Cycle now);
  void complete_weights(const systolic::WeightsDone& done, Cycle now);
  void complete_rows(const systolic::RowsDone& done, Cycle now);
  void record_drain(Cycle until);
  void use(std::vector<int>& uses, const std::string& who, const Block& block, kit::Access access, Cycle now);

  Machine& machine_;
  std::unique_ptr<systolic::MatrixCore> core_;
  Queue weights_, rows_;
  std::deque<InFlight> tiles_, bursts_;
  std::deque<Fill> filled_;  ///< of tiles whose first burst is not done
  Stack stack_;
  int macs_, read_, written_;
  activity::Tag drain_tag_;
  Cycle drain_end_ = 0;
};

}  // namespace triad::tpu
