#pragma once
#include <string>

#include "sim/device/traffic.hpp"

namespace triad::report {

/// A memory and what it did with its traffic.
struct MemoryReport {
  std::string memory, config_digest;
  device::Traffic traffic;
  device::TrafficResult result;
};

/// For people, in so many columns: bandwidth, latencies, rows, energy, and where the cycles of the data buses went.
std::string memory_table(const MemoryReport& report, int width);
/// One document; latencies in seconds, what was not measured null.
std::string memory_json(const MemoryReport& report);
/// One line under a line of names, units in the names (RFC 4180).
std::string memory_csv(const MemoryReport& report);

}  // namespace triad::report
