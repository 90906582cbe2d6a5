#pragma once
#include <array>
#include <cstdint>

namespace triad::memory::cache {

/// What a cache counts. hit + miss + sector_miss + merged = read + write.
enum class Event {
  read,  ///< accesses taken
  write,
  hit,          ///< all there (write: all sectors that it touches)
  miss,         ///< the line is not
  sector_miss,  ///< the line is there, a sector is not
  merged,       ///< waits for what another access fetches, fetches nothing itself
  fetch,        ///< requests to below: runs of missing sectors
  fill,         ///< ... that came back
  eviction,     ///< lines that had to leave for another
  writeback,    ///< dirty lines written back, evicted or flushed
  write_on,     ///< writes that went on: through, or around
  tag_lookup,   ///< all tags of a set read
  tag_write,
  data_read_bytes,     ///< whole sectors
  data_written_bytes,  ///< whole sectors
};
inline constexpr std::size_t event_count = 15;
const char* to_string(Event event);

/// Why the request at the front of the link is not taken.
enum class Stall {
  none,
  bank,   ///< its bank serves another access or a fill
  set,    ///< all ways of its set have misses under way
  mshr,   ///< no miss status holding register is free
  merge,  ///< its line's register holds as many accesses as it can, or a write that must go on first
  reply_queue,
  miss_queue,
  writeback_queue,
  writes,  ///< too many writes wait for their acknowledgement from below
  flush,
};
inline constexpr std::size_t stall_count = 10;
const char* to_string(Stall stall);

struct Counters {
  std::array<std::uint64_t, event_count> events{};
  std::array<std::uint64_t, stall_count> stall_cycles{};  ///< in which a request was there and not taken, by cause
  std::uint64_t& operator[](Event event) { return events[static_cast<std::size_t>(event)]; }
  std::uint64_t operator[](Event event) const { return events[static_cast<std::size_t>(event)]; }
  std::uint64_t operator[](Stall stall) const { return stall_cycles[static_cast<std::size_t>(stall)]; }
};

}  // namespace triad::memory::cache
