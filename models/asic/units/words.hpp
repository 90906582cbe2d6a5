#pragma once
#include <cstddef>
#include <vector>

#include "models/asic/isa/descriptor.hpp"

namespace triad::asic {

/// Bytes of an element in memory.
int element_bytes(isa::Storage storage);
/// Elements in memory as fp32 values (int32 has none: an empty result).
std::vector<float> words_of(const std::vector<std::byte>& bytes, isa::Storage storage);
/// fp32 values as they lie in memory: bf16 is rounded to nearest even.
std::vector<std::byte> bytes_of(const std::vector<float>& values, isa::Storage storage);

}  // namespace triad::asic
