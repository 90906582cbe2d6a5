#include "models/asic/units/words.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "sim/numerics/format.hpp"

namespace triad::asic {

std::vector<float> words_of(const std::vector<std::byte>& bytes, isa::Storage storage) {
  std::vector<float> values(bytes.size() / static_cast<std::size_t>(isa::bytes_of(storage)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (storage == isa::Storage::fp32) {
      std::memcpy(&values[i], bytes.data() + 4 * i, 4);
    } else if (storage == isa::Storage::bf16) {
      std::uint16_t word;
      std::memcpy(&word, bytes.data() + 2 * i, 2);
      values[i] = numerics::bf16_value(word);
    } else {
      std::int32_t word;
      std::memcpy(&word, bytes.data() + 4 * i, 4);
      values[i] = static_cast<float>(word);
    }
  }
  return values;
}

std::vector<std::byte> bytes_of(const std::vector<float>& values, isa::Storage storage) {
  std::vector<std::byte> bytes(values.size() * static_cast<std::size_t>(isa::bytes_of(storage)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (storage == isa::Storage::fp32) {
      std::memcpy(bytes.data() + 4 * i, &values[i], 4);
    } else if (storage == isa::Storage::bf16) {
      const std::uint16_t word = numerics::bf16_bits(values[i]);
      std::memcpy(bytes.data() + 2 * i, &word, 2);
    } else {
      const auto word = static_cast<std::int32_t>(std::nearbyintf(values[i]));
      std::memcpy(bytes.data() + 4 * i, &word, 4);
    }
  }
  return bytes;
}

}  // namespace triad::asic
