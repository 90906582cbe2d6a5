#include "models/asic/units/words.hpp"

#include <cstdint>
#include <cstring>

#include "sim/numerics/format.hpp"

namespace triad::asic {

int element_bytes(isa::Storage storage) {
  return storage == isa::Storage::bf16 ? 2 : 4;
}

std::vector<float> words_of(const std::vector<std::byte>& bytes, isa::Storage storage) {
  std::vector<float> values;
  if (storage == isa::Storage::int32) return values;
  values.resize(bytes.size() / static_cast<std::size_t>(element_bytes(storage)));
  if (storage == isa::Storage::fp32) {
    std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t word;
    std::memcpy(&word, bytes.data() + 2 * i, 2);
    values[i] = numerics::bf16_value(word);
  }
  return values;
}

std::vector<std::byte> bytes_of(const std::vector<float>& values, isa::Storage storage) {
  std::vector<std::byte> bytes(values.size() * static_cast<std::size_t>(element_bytes(storage)));
  if (storage != isa::Storage::bf16) {
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t word = numerics::bf16_bits(values[i]);
    std::memcpy(bytes.data() + 2 * i, &word, 2);
  }
  return bytes;
}

}  // namespace triad::asic
