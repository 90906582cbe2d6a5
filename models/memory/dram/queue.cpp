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

Queue::Index Queue::open(const Run& run, Cycle now) {
  const Index index = free_entries_.back();
  free_entries_.pop_back();
  Entry& entry = entries_[index];
  entry.request = run.request;
  entry.base = age_ - run.begin;
  age_ += run.columns();
  entry.entered = now;
  entry.first = ~Cycle{0};
  entry.last = 0;
  entry.columns = entry.outside = run.columns();
  entry.queued = 0;
  entry.end = run.end;
  entry.row = run.row;
  entry.banks = run.banks;
  entry.ways = run.ways;
  entry.pace = Pace::unknown;
  entry.tag = run.tag;
  growing_.fill(none);
  return index;
}

bool Queue::add(Index entry, const Run& run, std::uint32_t position, std::int64_t open_row, Cycle now) {
  ++columns_;
  ++entries_[entry].queued;
  --entries_[entry].outside;
  const std::uint32_t way = run.ways == 1 ? 0 : position % run.ways;
  if (const Index last = growing_[way]; last != none) {
    Strand& strand = strands_[last];
    if (strand.position + strand.left * strand.ways == position) {
      ++strand.left;
      return false;
    }
  }
  const Index index = free_strands_.back();
  free_strands_.pop_back();
  Strand& strand = strands_[index];
  strand.age = entries_[entry].base + position;
  strand.since = now;
  strand.row = run.row;
  strand.position = position;
  strand.left = 1;
  strand.entry = entry;
  strand.bank = run.banks[way];
  strand.way = static_cast<std::uint8_t>(way);
  strand.ways = run.ways;
  growing_[way] = index;
  append(index);
  Bank& bank = banks_[strand.bank];
  if (bank.hit == none && open_row == run.row) {
    bank.hit = index;
    return true;
  }
  return bank.oldest == index;
}

void Queue::append(Index index) {
  Strand& strand = strands_[index];
  Bank& bank = banks_[strand.bank];
  strand.before = bank.youngest;
  strand.after = none;
  if (bank.oldest == none) {
    bank.oldest = index;
    bank.place = static_cast<std::uint16_t>(active_.size());
    active_.push_back(strand.bank);
  } else {
    strands_[bank.youngest].after = index;
  }
  bank.youngest = index;
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

void Queue::remove(Index index, std::uint32_t n, Cycle now) {
  Strand& strand = strands_[index];
  columns_ -= n;
  entries_[strand.entry].queued -= n;
  strand.left -= n;
  if (strand.left != 0) {
    strand.position += n * strand.ways;
    strand.age += n * strand.ways;
    strand.since = now;
    return;
  }
  unlink(index);
  if (growing_[strand.way] == index) growing_[strand.way] = none;
  free_strands_.push_back(index);
}

void Queue::unlink(Index index) {
  const Strand& strand = strands_[index];
  Bank& bank = banks_[strand.bank];
  (strand.before == none ? bank.oldest : strands_[strand.before].after) = strand.after;
  (strand.after == none ? bank.youngest : strands_[strand.after].before) = strand.before;
  if (bank.hit == index) {  // the next one of the row: none of the older ones is
    Index next = strand.after;
    while (next != none && strands_[next].row != strand.row) next = strands_[next].after;
    bank.hit = next;
  }
  if (bank.oldest != none) return;
  const std::uint8_t moved = active_.back();
  active_[bank.place] = moved;
  banks_[moved].place = bank.place;
  active_.pop_back();
}

bool Queue::close(Index index) {
  const Entry& entry = entries_[index];
  if (entry.queued != 0 || entry.outside != 0) return false;
  free_entries_.push_back(index);
  return true;
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
