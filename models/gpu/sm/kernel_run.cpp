#include "models/gpu/sm/kernel_run.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>

namespace triad::gpu {

KernelRun::KernelRun(const Code& code_, Launch launch_, activity::Tag tag_)
    : code(&code_), launch(std::move(launch_)), tag(tag_) {
  warps_per_block = static_cast<int>((launch.block.count() + warp_size - 1) / warp_size);
  b_values.resize(code->size());
  bank_costs.resize(code->size());
  for (std::uint32_t pc = 0; pc < code->size(); ++pc) {
    const Instruction& i = code->at(pc).instruction;
    if (i.b_source == Source::constant) {
      if (i.b % 4 != 0 || i.b / 4 >= launch.constants.size()) {
        throw std::invalid_argument(
            fmt::format("kernel {}, instruction {}: no constant at byte {:#x}", code->kernel().name, pc, i.b));
      }
      b_values[pc].fill(launch.constants[i.b / 4]);
    } else {
      b_values[pc].fill(i.b_source == Source::immediate ? i.b : 0);
    }
  }
}

int occupancy(const SmParameters& p, const Code& code, Dimensions block, std::string& limit) {
  const std::uint64_t threads = block.count();
  const std::uint64_t warps = (threads + warp_size - 1) / warp_size;
  const std::uint64_t registers = warps * warp_size * static_cast<std::uint64_t>(code.allocated_registers());
  const auto shared = static_cast<std::uint64_t>(code.kernel().shared_bytes);
  if (threads == 0 || warps > static_cast<std::uint64_t>(p.warps)) {
    limit = fmt::format("a block of {} threads needs {} warps, an SM has {}", threads, warps, p.warps);
    return 0;
  }
  if (registers > static_cast<std::uint64_t>(p.registers)) {
    limit = fmt::format("a block needs {} registers, an SM has {}", registers, p.registers);
    return 0;
  }
  if (shared > p.shared_bytes) {
    limit = fmt::format("a block needs {} bytes of shared memory, an SM has {}", shared, p.shared_bytes);
    return 0;
  }
  std::uint64_t n = std::min<std::uint64_t>(p.blocks, p.warps / warps);
  n = std::min(n, p.registers / registers);
  if (shared > 0) n = std::min(n, p.shared_bytes / shared);
  return static_cast<int>(n);
}

}  // namespace triad::gpu
