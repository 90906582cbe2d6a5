#pragma once
#include "sim/device/device.hpp"

namespace triad::tpu {

/// The TPU: decoupled units with instruction queues and dependency tokens around systolic matrix units. README.md is
/// its specification, configs/tpu has its presets.
device::Architecture architecture();

}  // namespace triad::tpu
