#pragma once
#include "sim/device/traffic.hpp"

namespace triad::memory::study {

/// The DRAM of a configuration (configs/memory) by itself, for `triad memory`: what lies between a device and its
/// memory (`latency`, `credits`) has no part in it.
std::unique_ptr<device::Memory> make_memory(const config::Node& configuration);

}  // namespace triad::memory::study
