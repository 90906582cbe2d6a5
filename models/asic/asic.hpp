#pragma once
#include "sim/device/device.hpp"

namespace triad::asic {

/// A training accelerator of fixed-function engines, in the manner of NVDLA: presets under configs/asic.
device::Architecture architecture();

}  // namespace triad::asic
