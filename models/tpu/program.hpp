#pragma once
#include "models/tpu/isa.hpp"
#include "sim/device/device.hpp"

namespace triad::tpu {

/// One training step for a TPU, in program order. Public, so that tests can alter it.
class TpuProgram : public device::Program {
 public:
  TpuProgram(Parameters parameters, std::vector<Instruction> code) : code(std::move(code)), parameters_(parameters) {}
  std::string disassembly() const override {
    std::string out;
    for (const Instruction& instruction : code) out += to_string(instruction, parameters_) + "\n";
    return out;
  }
  std::vector<Instruction> code;

 private:
  Parameters parameters_;
};

}  // namespace triad::tpu
