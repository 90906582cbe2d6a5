#pragma once
#include <cstdint>
#include <vector>

#include "sim/device/result.hpp"

namespace triad::experiment {

/// A whole result, weights included, as bytes (CBOR, RFC 8949), and back without loss. How it comes out of a child.
std::vector<std::uint8_t> encode(const device::RunResult& result);
device::RunResult decode(const std::vector<std::uint8_t>& bytes);

}  // namespace triad::experiment
