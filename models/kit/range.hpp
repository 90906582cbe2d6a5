#pragma once
#include <cstdint>
#include <string>

namespace triad::kit {

/// Bytes of a memory: `rows` rows of `row_bytes` bytes, `pitch` bytes from the begin of one to that of the next.
struct Range {
  std::uint64_t begin = 0, row_bytes = 0, rows = 1, pitch = 0;
  /// One past the last byte.
  std::uint64_t end() const { return rows == 0 ? begin : begin + (rows - 1) * pitch + row_bytes; }
};

/// "0x40..0x80", for messages.
std::string to_string(const Range& range);

}  // namespace triad::kit
