#include "models/memory/dram/queue.hpp"

#include <algorithm>
#include <stdexcept>

namespace triad::memory::dram {

Queue::Queue(int banks, int columns)
    : capacity_(static_cast<std::uint32_t>(columns)), banks_(static_cast<std::size_t>(banks)) {
  if (columns < 1 || columns >= none - 1) throw std::logic_error("a DRAM queue of 1 to 65533 columns");
  // Every strand has a column that waits; of the entries the one that is about to enter may have none.
  strands_.resize(capacity_);
  entries_.resize(capacity_ + 1);
  for (Index i = static_cast<Index>(capacity_); i-- > 0;) free_strands_.push_back(i);
  for (Index i = static_cast<Index>(capacity_ + 1); i-- > 0;) free_entries_.push_back(i);
  active_.reserve(banks_.size());
  growing_.fill(none);
}

bool Queue::grows_in_place(const Entry& entry) const {
  for (std::uint8_t way = 0; way < entry.ways; ++way) {
    if (growing_[way] == none) return false;
  }
  return true;
}

void Queue::add_in_place(Index index, std::uint32_t position, std::uint32_t n) {
  Entry& entry = entries_[index];
  columns_ += n;
  entry.queued += n;
  entry.outside -= n;
  std::uint32_t way = position % entry.ways;
  for (std::uint32_t i = 0; i < std::min<std::uint32_t>(n, entry.ways); ++i) {
    strands_[growing_[way]].left += (n - i + entry.ways - 1) / entry.ways;
    if (++way == entry.ways) way = 0;
  }
}

void Queue::set_open_row(int number, std::int64_t row) {
  Bank& bank = banks_[static_cast<std::size_t>(number)];
  Index index = row < 0 ? none : bank.oldest;
  while (index != none && strands_[index].row != row) index = strands_[index].after;
  bank.hit = index;
}

bool Queue::holds(int number, std::int64_t row, std::uint32_t column) const {
  for (Index index = bank(number).oldest; index != none; index = strands_[index].after) {
    if (strands_[index].row == row && strands_[index].has(column)) return true;
  }
  return false;
}

bool Queue::holds(int number, std::int64_t row) const {
  Index index = bank(number).oldest;
  while (index != none && strands_[index].row != row) index = strands_[index].after;
  return index != none;
}

Queue::Index Queue::most_patient() const {
  Index found = none;
  for (const std::uint8_t number : active_) {
    for (Index index = bank(number).oldest; index != none; index = strands_[index].after) {
      const Strand &strand = strands_[index], &best = strands_[found == none ? index : found];
      if (found == none || strand.since < best.since || (strand.since == best.since && strand.age < best.age)) {
        found = index;
      }
    }
  }
  return found;
}

}  // namespace triad::memory::dram
