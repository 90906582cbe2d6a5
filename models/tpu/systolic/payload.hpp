#pragma once
#include <cstdint>
#include <vector>

/// Rows as the words of cosim::Twin's payloads. A null row: values are off.
namespace triad::systolic {

inline int weight_words(int columns) {
  return (columns + 1) / 2;
}
inline int row_words(int rows) {
  return (rows + 1) / 2 + 1;
}  // and the swap flag

inline std::vector<std::uint32_t> weight_payload(const std::uint16_t* row, int columns) {
  if (row == nullptr) return {};
  std::vector<std::uint32_t> words(weight_words(columns), 0);
  for (int c = 0; c < columns; ++c) words[c / 2] |= static_cast<std::uint32_t>(row[c]) << (c % 2 * 16);
  return words;
}

/// The swap flag is control: with values off the numbers are zeros, the flag is not.
inline std::vector<std::uint32_t> row_payload(const std::uint16_t* row, int rows, bool swap) {
  std::vector<std::uint32_t> words(row_words(rows), 0);
  for (int r = 0; row != nullptr && r < rows; ++r) words[r / 2] |= static_cast<std::uint32_t>(row[r]) << (r % 2 * 16);
  words.back() = swap;
  return words;
}

}  // namespace triad::systolic
