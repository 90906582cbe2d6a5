#pragma once
#include <array>
#include <cstdint>

#include "models/memory/dram/command.hpp"
#include "sim/activity/recorder.hpp"

namespace triad::memory::dram {

/// Consecutive columns of one request in one row: what a controller queues. Where the mapping puts bank groups below
/// the columns, consecutive columns go round `ways` banks that have the same row open: position i is column i / ways
/// of bank banks[i % ways].
struct Run {
  static constexpr int most_ways = 8;
  std::uint64_t request = 0;         ///< whose; the number comes back in Served
  std::uint32_t begin = 0, end = 0;  ///< positions
  std::int64_t row = 0;
  std::array<std::uint8_t, most_ways> banks{};  ///< flat numbers
  std::uint8_t ways = 1;
  bool write = false;
  activity::Tag tag = {};
  std::uint32_t columns() const { return end - begin; }
  /// Which of the banks a position is in. Without a division where their number is a power of two.
  std::uint32_t way(std::uint32_t position) const {
    const std::uint32_t mask = ways - 1u;
    return (ways & mask) == 0 ? position & mask : position % ways;
  }
};

/// A run has been served: a read when its last data is on the bus, a write when its last column has entered the write
/// queue (posted: a later read of it is served from the queue's data or waits for it).
struct Served {
  std::uint64_t request = 0;
  std::uint32_t columns = 0;
  Cycle entered = 0;          ///< its first column entered its queue
  Cycle first = 0, last = 0;  ///< read: data on the bus in [first, last); write: first and last column entered
};

/// The data bus was in use in cycles [from, to), for columns of one tag and direction without a gap.
struct Transfer {
  Cycle from = 0, to = 0;
  std::uint32_t columns = 0;
  bool write = false;
  activity::Tag tag = {};
};

}  // namespace triad::memory::dram
