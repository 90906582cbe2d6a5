#pragma once
#include "models/gpu/parameters.hpp"
#include "models/gpu/program.hpp"

namespace triad::gpu {

/// Every op of the graph to one kernel launch, in the graph's order; a reshape moves nothing and launches nothing.
/// Throws device::Unsupported naming the op that no kernel does, or that the SMs or the memory cannot hold.
std::unique_ptr<GpuProgram> lower(const Parameters& parameters, const device::Job& job);

}  // namespace triad::gpu
