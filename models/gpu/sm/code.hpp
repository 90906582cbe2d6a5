#pragma once
#include <array>
#include <vector>

#include "models/gpu/isa/kernel.hpp"
#include "models/gpu/isa/opcodes.hpp"
#include "models/gpu/sm/parameters.hpp"

namespace triad::gpu {

/// What an SM counts, each with an energy (sm/activity.cpp).
enum class Action : std::uint8_t {
  instructions,    ///< warp instructions issued
  mac_fp32,        ///< FFMA, per active lane
  add_fp32,        ///< FADD and comparisons of fp32, per active lane
  multiply_fp32,   ///< FMUL, per active lane
  add_int32,       ///< integer and logic operations, per active lane
  multiply_int32,  ///< IMAD, per active lane (its addition is counted besides)
  special,         ///< SFU, per active lane
  register_bytes,  ///< read or written
  shared_bytes,    ///< read or written
  none,
};
inline constexpr std::size_t action_count = static_cast<std::size_t>(Action::none);

/// An instruction prepared for issue: everything that does not change from one execution to the next.
struct Decoded {
  Instruction instruction;
  Pipe pipe = Pipe::control;
  std::uint8_t latency_cycles = 0;  ///< fixed latency, or 0
  std::uint8_t busy_cycles = 0;     ///< how long a warp occupies the pipe
  std::uint8_t stall = 1;
  bool reads_a = false, reads_b = false, reads_c = false;  ///< a register other than RZ
  std::uint8_t d_count = 0, a_count = 0, c_count = 0;      ///< registers named by d, a and c (0: not used)
  bool writes_predicate = false;
  std::uint8_t operands_read = 0;  ///< 32-bit registers read per lane
  Action action = Action::none;    ///< counted per active lane
  Action second_action = Action::none;
};

/// A kernel prepared for an SM.
class Code {
 public:
  /// Throws std::invalid_argument for code that no machine can run: a branch out of the code, a register beyond the
  /// kernel's, a last instruction that runs off the end.
  Code(const Kernel& kernel, const SmParameters& parameters);
  const Kernel& kernel() const { return kernel_; }
  const Decoded& at(std::uint32_t pc) const { return decoded_[pc]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(decoded_.size()); }
  /// Registers per thread as they are allocated.
  int allocated_registers() const { return allocated_registers_; }

 private:
  Kernel kernel_;
  std::vector<Decoded> decoded_;
  int allocated_registers_ = 0;
};

}  // namespace triad::gpu
