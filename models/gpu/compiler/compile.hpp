#pragma once
#include <string>
#include <vector>

#include "models/gpu/isa/kernel.hpp"

namespace triad::gpu {

struct CompileOptions {
  int max_registers = triad::gpu::max_registers;  ///< per thread
};

/// Compiles the kernels of a PTX text, as clang-14 -O3 writes it for sm_80, in their order.
/// Throws CompileError (error.hpp) naming the PTX line: syntax, an opcode or type that is not supported, too many
/// registers.
std::vector<Kernel> compile(const std::string& ptx, const CompileOptions& options = {});

/// Compiles one kernel of the text. Throws std::invalid_argument if there is none of this name.
Kernel compile(const std::string& ptx, const std::string& name, const CompileOptions& options = {});

}  // namespace triad::gpu
