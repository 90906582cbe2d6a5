#pragma once
#include "sim/device/device.hpp"

namespace triad::cli {

/// The command line. Returns the exit status: 0 done; 1 the run found a fault; 2 the input is at fault.
/// Standard output carries the result only, standard error all else.
int run(int argc, const char* const* argv, const device::Registry& registry);

}  // namespace triad::cli
