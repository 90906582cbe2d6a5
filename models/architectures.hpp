#pragma once
#include "sim/device/device.hpp"

namespace triad::models {

/// The one list of the architectures that exist. A new one is a folder under models/, one under configs/, and a line
/// here.
void register_architectures(device::Registry& registry);

}  // namespace triad::models
