#pragma once
#include <memory>

#include "models/tpu/compiler/emitter.hpp"
#include "sim/device/job.hpp"

namespace triad::tpu {

using Chunk = std::shared_ptr<const std::vector<Instruction>>;

/// Plans a job's training step: places every tensor, and finds that every op can be lowered. Throws device::Unsupported
/// naming op and reason.
std::shared_ptr<const Plan> plan(const Parameters& parameters, const device::Job& job);

/// The instructions of a planned step, made op by op as the sequencer comes to them: a program of a large model has
/// many more instructions than a host's memory holds, its plan is small.
class Compiler {
 public:
  explicit Compiler(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)), emitter_(*plan_, false) {}
  /// The instructions of the next op that has some, or nothing at the end of the step.
  Chunk next();

 private:
  std::shared_ptr<const Plan> plan_;
  Emitter emitter_;
  int op_ = 0;
};

}  // namespace triad::tpu
