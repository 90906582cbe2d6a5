#pragma once
#include <vector>

#include "models/memory/cache/directory.hpp"

namespace triad::memory::cache {

/// An access that waits for its line's sectors, or for an earlier access that does.
struct Waiter {
  Packet packet;
  Extent extent;
  Cycle answer = 0;  ///< when its reply is sent at the earliest: as late as that of a hit
};

/// A line with misses under way: what one miss status holding register knows.
struct Miss {
  int place = Directory::none;
  Sectors pending = 0;  ///< asked for below and not here yet
  Sectors claimed = 0;  ///< touched by a waiter: later accesses to them wait, too
  Sectors covered = 0;  ///< will be there to the last byte when the waiters have written
  /// Touched by a waiter that writes without allocating: what is asked for below before it is sent on would come back
  /// without its bytes.
  Sectors around = 0;
  bool releasing = false;       ///< in the queue of those whose waiters are looked at
  std::vector<Waiter> waiters;  ///< in order of acceptance

  /// Notes what a waiter touches.
  void claim(const Waiter& waiter, bool write_allocate) {
    claimed |= waiter.extent.sectors;
    if (!waiter.packet.write) return;
    if (write_allocate) {
      covered |= waiter.extent.full;
    } else {
      around |= waiter.extent.sectors;
    }
  }
};

/// The miss status holding registers: a fixed number of entries, found through the line's place in the directory.
class Misses {
 public:
  explicit Misses(const Parameters& p) : entries_(static_cast<std::size_t>(p.mshrs)) {
    for (int entry = p.mshrs; entry-- > 0;) free_.push_back(entry);
    for (Miss& miss : entries_) miss.waiters.reserve(static_cast<std::size_t>(p.merges));
  }
  bool full() const { return free_.empty(); }
  std::size_t used() const { return entries_.size() - free_.size(); }
  Miss& at(int entry) { return entries_[static_cast<std::size_t>(entry)]; }
  const Miss& at(int entry) const { return entries_[static_cast<std::size_t>(entry)]; }
  bool exists(int entry) const {
    return entry >= 0 && static_cast<std::size_t>(entry) < entries_.size() && at(entry).place != Directory::none;
  }
  /// Takes an entry for the line in a place. Only when not full.
  int take(int place) {
    const int entry = free_.back();
    free_.pop_back();
    at(entry).place = place;
    return entry;
  }
  void give_back(int entry) {
    at(entry).place = Directory::none;
    free_.push_back(entry);
  }

 private:
  std::vector<Miss> entries_;
  std::vector<int> free_;
};

}  // namespace triad::memory::cache
