#pragma once
#include <memory>

#include "models/asic/compiler/program.hpp"
#include "models/asic/compiler/tiling.hpp"
#include "models/asic/parameters.hpp"

namespace triad::asic {

/// Lowers a training-step graph to layer descriptors: fuses formulas, those that follow a contraction into the layer
/// that takes its product from the accumulator; tiles contractions, allocates banks, and says what each layer has to
/// wait for. Throws device::Unsupported naming the op, or when a job with values does not fit into `memory_capacity`
/// bytes.
std::unique_ptr<Program> lower(const device::Job& job, const Parameters& parameters, std::uint64_t memory_capacity,
                               const MemoryPort& memory);

}  // namespace triad::asic
