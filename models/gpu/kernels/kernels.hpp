#pragma once
#include <span>
#include <string>
#include <string_view>

#include "models/gpu/isa/kernel.hpp"

namespace triad::gpu {

/// The PTX of one .cu file of this folder, compiled when the program was built.
struct PtxSource {
  std::string_view name;  ///< of the file: "matmul"
  std::string_view text;
};
std::span<const PtxSource> ptx_sources();

/// Compiles a kernel of this folder to machine code ("matmul_fp32_tile16"; README.md lists them).
/// Throws std::invalid_argument if there is none of this name.
Kernel load_kernel(const std::string& name);

}  // namespace triad::gpu
