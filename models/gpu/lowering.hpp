#pragma once
#include "models/gpu/parameters.hpp"
#include "models/gpu/program.hpp"

namespace triad::gpu {

/// Every op of the graph, after fusion, to one or more kernel launches, in the graph's order; a reshape launches
/// nothing.
std::unique_ptr<GpuProgram> lower(const Parameters& parameters, const device::Job& job);

}  // namespace triad::gpu
