#pragma once
#include <cstdint>
#include <vector>

#include "models/memory/cache/byte_mask.hpp"
#include "models/memory/cache/parameters.hpp"
#include "models/memory/packet.hpp"

namespace triad::memory::cache {

/// A bit for each sector of a line, the first sector's the lowest.
using Sectors = std::uint32_t;

/// The part of a line that a packet covers.
struct Extent {
  std::uint64_t line = 0;            ///< number: address / line bytes
  std::uint64_t begin = 0, end = 0;  ///< bytes, from the line's first on
  Sectors sectors = 0;               ///< touched
  Sectors full = 0;                  ///< covered to the last byte
};

/// What a cache knows of its lines, without any time: which lie where, which of their sectors are there and dirty, and
/// who is to leave. A line has a place of its own (set * ways + way) from its first miss or write on.
class Directory {
 public:
  static constexpr int none = -1;
  struct Line {
    Sectors valid = 0;    ///< all bytes are there
    Sectors partial = 0;  ///< some bytes are there: those of `written` (PartialWrite::mask)
    Sectors dirty = 0;    ///< of these, what is there differs from below
    int miss = none;      ///< the entry of the miss queue's registers that holds the line in its place, if any
  };

  explicit Directory(const Parameters& parameters);

  /// Throws device::Fault when the packet is empty or leaves its line.
  Extent extent_of(const Packet& packet) const;
  std::uint64_t set_of(std::uint64_t line) const { return set_index(line); }
  /// The line's place, or none.
  int find(std::uint64_t line, std::uint64_t set) const;
  /// The place in the set that the next line gets: the first that is empty, else the least recently used (first
  /// filled) of those without a miss under way, or none.
  int victim(std::uint64_t set) const;
  bool is_empty(int place) const { return lines_[index(place)] == empty; }
  /// Puts the line there. What was there is gone.
  void place(int place, std::uint64_t line);
  void touch(int place) {
    if (lru_) stamps_[index(place)] = ++stamp_;
  }
  void drop(int place);
  /// The place's line and what is known of it.
  std::uint64_t line_at(int place) const { return lines_[index(place)]; }
  Line& at(int place) { return states_[index(place)]; }
  const Line& at(int place) const { return states_[index(place)]; }

  /// Sectors of the read that must be fetched before it can be served.
  Sectors missing(int place, const Extent& read) const;
  /// The bytes of a write arrive in the line: sectors that are there stay there, with `allocate` others come to be.
  /// They become dirty, with `dirty`.
  void write(int place, const Extent& write, bool allocate, bool dirty);
  /// Sectors arrive from below; bytes that were written here stay as they are.
  void fill(int place, Sectors sectors);
  /// The bytes that differ from below, a bit each.
  ByteMask dirty_bytes(int place) const;
  /// ... and from now on they do not.
  void clean(int place);

  /// Places in all; dirty lines among them.
  int places() const { return static_cast<int>(lines_.size()); }
  int dirty_lines() const { return dirty_lines_; }
  /// Are all of these bytes (of one line) there? Is one of them dirty?
  bool has(std::uint64_t address, std::uint64_t bytes) const;
  bool has_dirty(std::uint64_t address, std::uint64_t bytes) const;

 private:
  static constexpr std::uint64_t empty = ~std::uint64_t{0};
  static std::size_t index(int place) { return static_cast<std::size_t>(place); }
  std::uint64_t set_index(std::uint64_t line) const;
  /// Sectors that bytes [begin, end) touch; those that they cover.
  Sectors touched(std::uint64_t begin, std::uint64_t end) const;
  Sectors covered(std::uint64_t begin, std::uint64_t end) const;
  void set_dirty(Line& line, Sectors sectors);

  int line_shift_, sector_shift_;
  std::uint64_t line_bytes_, sets_;
  int ways_;
  bool hashed_, lru_, keeps_masks_;
  std::vector<std::uint64_t> lines_, stamps_;  ///< by place
  std::vector<Line> states_;
  std::vector<ByteMask> written_;  ///< by place, of partial sectors; only with PartialWrite::mask
  std::uint64_t stamp_ = 0;
  int dirty_lines_ = 0;
};

}  // namespace triad::memory::cache
