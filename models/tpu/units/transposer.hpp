#pragma once
#include "models/tpu/units/pipelined_unit.hpp"

namespace triad::tpu {

/// The transpose unit: takes one row of a block a cycle (as many elements as a matrix unit has columns), then delivers
/// its columns.
class Transposer : public PipelinedUnit {
 public:
  explicit Transposer(Machine& machine)
      : PipelinedUnit(machine, machine.parameters.transpose_unit(), machine.parameters.transpose.latency_cycles) {}
  static Cycle occupancy(const Transpose& instruction, int columns);

 private:
  Work begin(const Issued& issued, Cycle now) override;
};

}  // namespace triad::tpu
