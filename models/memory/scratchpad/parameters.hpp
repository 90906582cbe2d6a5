#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/kit/clock.hpp"
#include "sim/config/node.hpp"

namespace triad::memory::scratchpad {

using kit::Cycle;

/// On-chip memory of banks: under its name in a configuration.
///
///     {size: 64 KiB, banks: 32, word: 4 B, interleave: 4 B, width: 128 B, latency: 2, queue: 4,
///      ports: {read: 1, write: 1}}                                                        # or ports: {shared: 2}
struct Parameters {
  static constexpr std::uint64_t most_banks = 256, most_words = 256;
  std::uint64_t bytes = 0;
  std::uint64_t banks = 1;
  std::uint64_t word_bytes = 4;        ///< what a port of a bank moves in a cycle
  std::uint64_t interleave_bytes = 4;  ///< that lie in one bank before the next one's turn; whole words
  std::uint64_t width_bytes = 4;       ///< of an access that are served together: see Banks
  int read_ports = 0, write_ports = 0, shared_ports = 1;  ///< of each bank; shared: for either
  int latency_cycles = 1;                                 ///< from the cycle in which a word is read to its data
  int queue = 1;                                          ///< accesses of a requester that are not answered yet

  /// Throws config::Error.
  static Parameters read(const config::Node& node);
  std::uint64_t bank_of(std::uint64_t address) const { return address / interleave_bytes % banks; }
  /// Rows for `triad describe`.
  std::vector<std::pair<std::string, std::string>> describe(const std::string& name) const;
};

}  // namespace triad::memory::scratchpad
