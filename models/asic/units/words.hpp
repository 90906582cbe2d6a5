#pragma once
#include <cstddef>
#include <vector>

#include "models/asic/isa/descriptor.hpp"

namespace triad::asic {

/// Elements in memory as fp32 values: bf16 widened, int32 converted.
std::vector<float> words_of(const std::vector<std::byte>& bytes, isa::Storage storage);
/// fp32 values as they lie in memory: bf16 is rounded to nearest even; int32 to the nearest integer.
std::vector<std::byte> bytes_of(const std::vector<float>& values, isa::Storage storage);

}  // namespace triad::asic
