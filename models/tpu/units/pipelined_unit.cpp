#include "models/tpu/units/pipelined_unit.hpp"

namespace triad::tpu {

PipelinedUnit::PipelinedUnit(Machine& machine, int unit, int latency_cycles)
    : Unit(machine.parameters.unit_name(unit).c_str(), machine.clock),
      machine_(machine),
      stack_(machine, machine.parameters.unit_name(unit), activity::Resource::compute),
      queue_(machine, unit),
      latency_(static_cast<Cycle>(latency_cycles)),
      vmem_(stack_.track.add_action("vmem_bytes", machine.technology.sram_picojoules_per_byte(
                                                      static_cast<double>(machine.parameters.vmem.bank_bytes)))),
      additions_(stack_.track.add_action("lane_additions", machine.technology.picojoules("add_fp32"))),
      multiplications_(
          stack_.track.add_action("lane_multiplications", machine.technology.picojoules("multiply_fp32"))) {
  machine.tokens.add_listener(*this);
}

void PipelinedUnit::issue(const Issued& issued, Cycle now) {
  Work work = begin(issued, now);
  free_ = now + work.occupancy;
  stack_.record_wait(queue_, now);
  stack_.record(activity::State::busy, issued.tag(), now, free_);
  stack_.track.count(vmem_, work.vmem_bytes, now, free_);
  stack_.track.count(additions_, work.operations.additions, now, free_);
  stack_.track.count(multiplications_, work.operations.multiplications, now, free_);
  stack_.track.work(work.operations.total());
  in_flight_.push_back({std::move(work), free_ + latency_, issued.instruction});
}

void PipelinedUnit::complete(const Work& work, Cycle now) {
  if (work.write) work.write();
  for (const int use : work.uses) machine_.vmem.release(use);
  machine_.tokens.signal(queue_.unit(), now);
}

void PipelinedUnit::step() {
  const Cycle now = cycle();
  while (!in_flight_.empty() && in_flight_.front().done <= now) {
    complete(in_flight_.front().work, now);
    in_flight_.pop_front();
  }
  if (const Issued* next = queue_.ready(now)) {
    if (now >= free_) {
      issue(*next, now);
      queue_.pop(now);
    }
    wake_at(free_);
  }
  if (!in_flight_.empty()) wake_at(in_flight_.front().done);
}

}  // namespace triad::tpu
