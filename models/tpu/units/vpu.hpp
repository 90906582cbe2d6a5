#pragma once
#include "models/tpu/units/pipelined_unit.hpp"

namespace triad::tpu {

/// The vector unit: fp32 lanes over on-chip memory.
class Vpu : public PipelinedUnit {
 public:
  explicit Vpu(Machine& machine)
      : PipelinedUnit(machine, machine.parameters.vector_unit(), machine.parameters.vpu.latency_cycles) {}

 private:
  Work begin(const Issued& issued, Cycle now) override;
  Work begin(const Vector& instruction, Cycle now);
  Work begin(const Window& instruction, Cycle now);
  Work begin(const ScatterAdd& instruction, Cycle now);
  void use(Work& work, const std::vector<kit::Range>& ranges, kit::Access access, Cycle now);
};

}  // namespace triad::tpu
