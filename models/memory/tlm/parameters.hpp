#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/node.hpp"

namespace triad::memory::tlm {

enum class Protocol { blocking, non_blocking };

/// How a TLM-2.0 memory of the user's is spoken to, under `memory.tlm`:
///
///     tlm: {protocol: non-blocking, burst: 64 B, outstanding: 16, data: on}
struct Parameters {
  Protocol protocol = Protocol::blocking;  ///< b_transport, or four phases with nb_transport
  std::uint64_t burst = 64;  ///< bytes of the longest transaction, a power of two; none crosses a multiple of it
  int outstanding = 1;       ///< transactions at a time
  /// The memory holds the data: it gets the image before the run, and the results come from it. Off: timing alone.
  bool data = true;

  static Parameters read(const config::Node& node);
  /// Rows for `triad describe`.
  std::vector<std::pair<std::string, std::string>> describe() const;
};

}  // namespace triad::memory::tlm
