#pragma once
#include <memory>

#include "models/asic/compiler/program.hpp"
#include "models/asic/parameters.hpp"

namespace triad::asic {

/// Lowers a training-step graph to layer descriptors: tiles contractions, allocates banks, fuses a bias and a ReLU into
/// the layer that takes a product from the accumulator, and says what each layer has to wait for. Throws
/// device::Unsupported naming the op, or when the job does not fit into `memory_capacity` bytes.
std::unique_ptr<Program> lower(const device::Job& job, const Parameters& parameters, std::uint64_t memory_capacity,
                               double memory_bytes_per_second);

}  // namespace triad::asic
