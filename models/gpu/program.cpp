#include "models/gpu/program.hpp"

#include <fmt/core.h>

#include "models/gpu/isa/encoding.hpp"

namespace triad::gpu {

std::string GpuProgram::disassembly() const {
  std::string text;
  for (const PlannedLaunch& launch : launches) {
    text += fmt::format("launch {} grid ({},{},{}) block ({},{},{}) op {} arguments", codes[launch.code].kernel().name,
                        launch.grid.x, launch.grid.y, launch.grid.z, launch.block.x, launch.block.y, launch.block.z,
                        launch.op);
    for (const Argument& argument : launch.arguments) {
      text += fmt::format(" {:#x}", argument.value.base);
      if (argument.value.period > 1)
        text += fmt::format("+{:#x}*(step%{})", argument.value.stride, argument.value.period);
    }
    text += '\n';
  }
  for (const Code& code : codes) {
    const Kernel& kernel = code.kernel();
    text += fmt::format("\nkernel {}: {} registers, {} bytes of shared memory\n", kernel.name,
                        kernel.registers_per_thread, kernel.shared_bytes);
    for (std::size_t pc = 0; pc < kernel.code.size(); ++pc) {
      text += fmt::format("{:5} {}\n", pc, disassemble(kernel.code[pc], true));
    }
  }
  return text;
}

}  // namespace triad::gpu
