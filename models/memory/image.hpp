#pragma once
#include "models/kit/memory_map.hpp"
#include "models/memory/contents.hpp"
#include "sim/device/job.hpp"
#include "sim/device/result.hpp"

namespace triad::memory {

/// Places data and initial parameters in device memory: what a run starts with (design: they are resident).
void place(Contents& contents, const kit::MemoryMap& map, const device::Job& job);

/// Reads the losses of all steps, the final parameters and, of a graph without loss, its results of the last step back
/// from device memory into `result`. Nothing of a job without values.
void read_back(const Contents& contents, const kit::MemoryMap& map, const device::Job& job, device::RunResult& result);

}  // namespace triad::memory
