#pragma once
#include "models/tpu/compiler/compile.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

/// One training step for a TPU, in program order.
class TpuProgram : public device::Program {
 public:
  explicit TpuProgram(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)), parameters_(plan_->parameters) {}
  /// These instructions, of no graph: for tests.
  TpuProgram(Parameters parameters, std::vector<Instruction> code)
      : parameters_(parameters), code_(std::make_shared<std::vector<Instruction>>(std::move(code))) {}

  /// The step's instructions, from the first on.
  class Stream {
   public:
    virtual ~Stream() = default;
    virtual Chunk next() = 0;  ///< a few more of them, at least one; nothing at the end
  };
  std::unique_ptr<Stream> open() const;

  std::string disassembly() const override;
  /// What the instructions were made from; nothing for a program that was given as instructions.
  const Plan* plan() const { return plan_.get(); }
  /// All instructions, expanded and from now on kept: tests alter them.
  std::vector<Instruction>& code();

 private:
  std::shared_ptr<const Plan> plan_;
  Parameters parameters_;
  std::shared_ptr<std::vector<Instruction>> code_;
};

}  // namespace triad::tpu
