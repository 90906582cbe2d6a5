#pragma once
#include "sim/device/device.hpp"

namespace triad::gpu {

/// The GPU: SIMT cores that run kernels of machine code (README.md).
device::Architecture architecture();

}  // namespace triad::gpu
