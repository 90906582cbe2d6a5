#pragma once
#include <vector>

#include "models/memory/dram/run.hpp"

namespace triad::memory::dram {

/// The columns of one direction that wait in a controller. They are kept as strands: columns of one run in one bank, so
/// a run of w ways is w strands however many columns it has; only the run that entered last can grow. Per bank the
/// strands form a list in order of age; `hit` is the oldest one of the open row. Everything lies in flat arrays whose
/// size is fixed at the beginning.
class Queue {
 public:
  using Index = std::uint16_t;
  static constexpr Index none = 0xffff;

  struct Strand {
    std::uint64_t age = 0;  ///< of its first column: counts columns in order of entry
    Cycle since = 0;        ///< when it entered or its last column was served: what starvation is measured from
    std::int64_t row = 0;
    std::uint32_t position = 0, left = 0;  ///< first column's position in the run; columns
    Index entry = none, before = none, after = none;
    std::uint8_t bank = 0, way = 0, ways = 1;
    int column() const { return static_cast<int>(position / ways); }
    bool has(std::uint32_t column) const { return column >= position / ways && column < position / ways + left; }
  };
  /// What limits the columns of a run whose rows are open: any two columns (the banks' groups come round slowly
  /// enough), those of one group (all are in one), now the one and now the other, or changes of rank.
  enum class Pace : std::uint8_t { unknown, any, group, mixed, ranks };
  /// A run of which columns wait, or that is still entering.
  struct Entry {
    std::uint64_t request = 0, base = 0;  ///< base: age of position 0
    Cycle entered = 0, first = 0, last = 0;
    std::uint32_t columns = 0;  ///< of the run
    std::uint32_t outside = 0;  ///< not yet entered
    std::uint32_t queued = 0;
    std::uint32_t end = 0;  ///< one past the run's last position
    std::int64_t row = 0;
    std::array<std::uint8_t, Run::most_ways> banks{};
    std::uint8_t ways = 1;
    Pace pace = Pace::unknown;
    Cycle period = 0;  ///< of the run's columns, once its rows are open
    activity::Tag tag = {};
  };
  struct Bank {
    Index oldest = none, youngest = none, hit = none;
    std::uint16_t place = 0;  ///< in `active`
    // The command that the bank needs next; kept by the controller.
    Index strand = none;      ///< for it: `hit`, or the oldest
    std::uint8_t kind = 0;    ///< Banks::Kind
    bool row = false;         ///< a row command, no column
    std::uint32_t floor = 0;  ///< number of its group and kind
    Cycle key = 0;            ///< Controller::key of when it can be issued as far as the bank itself is concerned
    std::uint64_t age = 0;    ///< of the strand; and the bank's number, in the lowest 8 bits
  };

  /// `columns` at most, of `banks` banks. Throws std::logic_error about more columns than an Index can count.
  Queue(int banks, int columns);

  std::uint32_t columns() const { return columns_; }
  bool has_room() const { return columns_ < capacity_; }
  std::uint32_t capacity() const { return capacity_; }

  /// A run begins to enter: returns its entry.
  Index open(const Run& run, Cycle now);
  /// The next column of the run that enters, in the bank of its `way`; `open_row`: of its bank. Returns whether the
  /// bank has a new oldest strand or hit.
  bool add(Index entry, const Run& run, std::uint32_t position, std::uint32_t way, std::int64_t open_row, Cycle now);
  /// The next column of the run that enters, of its `way`, does not wait here (a read that is served from the write
  /// queue): its strand does not go on.
  void pass(Index entry, std::uint32_t way) {
    --entries_[entry].outside;
    growing_[way] = none;
  }
  /// The run that enters goes on to grow at the ends of strands that are there.
  bool grows_in_place(const Entry& entry) const;
  /// The next `n` columns of such a run, from `position` on.
  void add_in_place(Index entry, std::uint32_t position, std::uint32_t n);
  /// The first `n` columns of a strand have been issued, the last one at `now`. The entry stays until `close`.
  void remove(Index strand, std::uint32_t n, Cycle now);
  /// Does a column of the row wait in the bank?
  bool holds(int bank, std::int64_t row) const;
  /// Removes the entry, if nothing of it waits or is yet to enter. Returns whether it did.
  bool close(Index entry);
  /// Looks for `hit` again: the bank's open row is another one.
  void set_open_row(int bank, std::int64_t row);
  /// Does a column of the bank's row wait?
  bool holds(int bank, std::int64_t row, std::uint32_t column) const;

  /// The age of the next run's first column: more than that of any column here.
  std::uint64_t age() const { return age_; }
  /// Banks with columns, in no order.
  const std::vector<std::uint8_t>& active() const { return active_; }
  Bank& bank(int number) { return banks_[static_cast<std::size_t>(number)]; }
  const Bank& bank(int number) const { return banks_[static_cast<std::size_t>(number)]; }
  Strand& strand(Index index) { return strands_[index]; }
  const Strand& strand(Index index) const { return strands_[index]; }
  Entry& entry(Index index) { return entries_[index]; }
  const Entry& entry(Index index) const { return entries_[index]; }
  const std::vector<Entry>& entries() const { return entries_; }
  /// How many strands wait.
  std::size_t strands() const { return strands_.size() - free_strands_.size(); }
  /// The strand that was served longest ago (the lower age where two are equal), or none.
  Index most_patient() const;

 private:
  void append(Index strand);
  void unlink(Index strand);

  std::uint32_t capacity_, columns_ = 0;
  std::uint64_t age_ = 0;  ///< of the next run's first column
  std::vector<Bank> banks_;
  std::vector<Strand> strands_;
  std::vector<Entry> entries_;
  std::vector<Index> free_strands_, free_entries_;
  std::vector<std::uint8_t> active_;
  /// The strands at whose ends the last run's columns are put, by way; none, where none waits or a column was passed.
  std::array<Index, Run::most_ways> growing_;
};

// What happens once a column, inline.

inline Queue::Index Queue::open(const Run& run, Cycle now) {
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

inline bool Queue::add(Index entry, const Run& run, std::uint32_t position, std::uint32_t way, std::int64_t open_row,
                       Cycle now) {
  ++columns_;
  ++entries_[entry].queued;
  --entries_[entry].outside;
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

inline void Queue::append(Index index) {
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

inline void Queue::remove(Index index, std::uint32_t n, Cycle now) {
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

inline void Queue::unlink(Index index) {
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

inline bool Queue::close(Index index) {
  const Entry& entry = entries_[index];
  if (entry.queued != 0 || entry.outside != 0) return false;
  free_entries_.push_back(index);
  return true;
}

}  // namespace triad::memory::dram
