#pragma once
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/kit/clock.hpp"
#include "sim/config/node.hpp"

namespace triad::memory::cache {

using kit::Cycle;

enum class Replacement { lru, fifo };
/// back: a write stays here until its line is evicted or flushed; through: it also goes on at once.
enum class WritePolicy { back, through };
/// What a write that covers a part of an absent sector does, when writes allocate. fetch: it waits for the sector like
/// a read; mask: the bytes are kept with a bit each, the sector is fetched when bytes that nobody wrote are read.
enum class PartialWrite { fetch, mask };

/// Parameters of a cache, under its name in a configuration. A write-through L1 of a GPU (numbers as an example):
///
///     l1: {size: 128 KiB, line: 128 B, sector: 32 B, ways: 4, hash: xor, replacement: lru,
///          write: through, write_allocate: false, banks: 4, bank_width: 128 B, ports: 1,
///          tag_latency: 4, data_latency: 28, fill_latency: 2, mshrs: {entries: 256, merges: 8},
///          queues: {replies: 8, misses: 16, writebacks: 1, writes: 256}}
struct Parameters {
  std::uint64_t size = 0;     ///< bytes of data: sets x ways x line
  std::uint64_t line = 128;   ///< bytes under one tag; a power of two, at most 256
  std::uint64_t sector = 32;  ///< bytes that are fetched and valid together; a power of two, at least line / 32
  int ways = 1;               ///< size / (ways * line) sets need not be a power of two
  bool hashed = true;         ///< hash: xor | none (set_index.hpp)
  Replacement replacement = Replacement::lru;
  WritePolicy write = WritePolicy::back;
  bool write_allocate = true;  ///< false: what a write does not find here goes on and leaves no trace
  PartialWrite partial_write = PartialWrite::fetch;  ///< read only when writes allocate
  int banks = 1;                                     ///< set s lies in bank s mod banks; divides the number of sets
  std::uint64_t bank_width = 128;                    ///< bytes that a bank reads or writes in a cycle; whole sectors
  int ports = 1;                                     ///< packets in a cycle on each of the four links
  Cycle tag_latency = 1;                             ///< from the request's acceptance to hit or miss
  Cycle data_latency = 1;                            ///< from there to the data
  Cycle fill_latency = 1;     ///< from a fill's arrival to the replies that waited for it; at most a hit's latency
  int mshrs = 1, merges = 1;  ///< lines with misses under way; accesses that wait for one of them
  int reply_queue = 1;        ///< replies beyond those that the hit pipeline holds
  int miss_queue = 1;         ///< fetches of lines and writes on their way down
  int writeback_queue = 1;    ///< evicted lines
  int writes = 1;             ///< written through and not yet acknowledged from below

  std::uint64_t sets() const { return size / (static_cast<std::uint64_t>(ways) * line); }
  int sectors() const { return static_cast<int>(line / sector); }
  /// From the cycle in which a request is taken to the one in which its reply is sent, when it hits.
  Cycle hit_latency() const { return tag_latency + data_latency; }
  /// Bytes of one tag: the bits of a 48-bit address above line and set, a valid and a dirty bit per sector.
  std::uint64_t tag_bytes() const {
    const int bits = 48 - std::countr_zero(line) - static_cast<int>(std::bit_width(sets()) - 1) + 2 * sectors();
    return static_cast<std::uint64_t>(bits + 7) / 8;
  }

  /// Throws config::Error, also for parameters that contradict one another.
  static Parameters read(const config::Node& node);
  /// Rows for `triad describe`; `name` begins each: "L1".
  std::vector<std::pair<std::string, std::string>> describe(const std::string& name) const;
};

}  // namespace triad::memory::cache
