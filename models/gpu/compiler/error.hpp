#pragma once
#include <string>

#include "sim/device/device.hpp"

namespace triad::gpu {

/// PTX that this compiler cannot compile: names the line of the PTX text and what is wrong there.
struct CompileError : device::Unsupported {
  CompileError(int line, const std::string& what) : Unsupported("PTX line " + std::to_string(line) + ": " + what) {}
};

}  // namespace triad::gpu
