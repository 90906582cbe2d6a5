// Columns of a run that follow one another, without a look at everything else after each of them: `stream` issues them
// in a small loop, `burst` all at once, where they come in order at a fixed period.
//
// Both do what the command-by-command model would do. Until `stop` no other column can be issued:
//
// - no other bank's column is possible before: no older one. A younger column of another run, in the same rank, is
// never
//   earlier than tCCD_S after the last one; so it goes later, unless the run leaves a gap;
// - no row command is possible before; or, where row commands have a bus of their own, those of other banks are issued
//   meanwhile (`rows`): they touch neither the run's banks nor the column bus, and what a row that they open adds
//   lowers `stop`. So does a refresh of one bank that is due when the columns begin;
// - no other refresh, no starvation, no arrival falls due before;
// - what enters in the place of issued columns adds to strands that are there (of the run itself, or of the one that
//   enters); so no bank needs something new;
// - the queue's mode stays; no strand of the run loses its last column, after which its bank would need another command
//   and, with closed pages, precharge itself.
#include <algorithm>

#include "models/memory/dram/controller.hpp"

namespace triad::memory::dram {

namespace {

/// Fewer columns are not worth the look.
constexpr std::uint32_t fewest = 4;

}  // namespace

/// What a run's columns may do on their own.
struct Controller::Stream {
  Stream(Queue& q, Queue::Index index, Cycle stop) : q(q), index(index), stop(stop) {}
  Queue& q;
  Queue::Index index;      ///< the run's entry
  Cycle stop;              ///< columns before it
  std::uint32_t most = 0;  ///< so many columns
  bool no_gaps = false;    ///< its columns leave no room for younger ones of other runs
  bool younger = false;    ///< younger columns of other runs could be issued, too
  bool shared = false;     ///< other runs wait in the run's banks
  bool refresh = false;    ///< a refresh of another bank is due
  /// Banks that need a row command, which go on while columns are issued.
  std::array<std::uint8_t, 256> rows;
  std::size_t row_count = 0;
};

/// Lowers `stop` to the first command of another bank that is not left to issue_rows.
void Controller::find_others(Stream& stream, const Choice& choice) const {
  const Queue& q = stream.q;
  for (const std::uint8_t number : q.active()) {
    if (stream.refresh && refresh_.holds(0, number, now_)) continue;
    const Queue::Bank& bank = q.bank(number);
    const Queue::Strand& strand = q.strand(bank.strand);
    if (!bank.row && strand.entry == stream.index) {
      stream.shared = stream.shared || bank.oldest != bank.hit || bank.youngest != bank.hit;
    } else if (!bank.row && strand.age > q.strand(choice.strand).age && rank_of(number) == rank_of(choice.bank)) {
      stream.younger = true;
    } else if (bank.row && rows_within_) {
      stream.rows[stream.row_count++] = number;
    } else {
      const Cycle at = turn(std::max(bank.key / 2, banks_.earliest_around(bank.kind, number)), !bank.row);
      stream.stop = std::min(stream.stop, at);
    }
  }
}

/// Is what enters in the place of columns known? Lowers `most` to how long it is.
bool Controller::find_entering(Stream& stream, bool write) const {
  const Queue::Entry& entry = stream.q.entry(stream.index);
  stream.most = entry.queued + entry.outside;
  if (front_ != arrivals_.size() && arrivals_[front_].at <= now_) {
    const Run& run = arrivals_[front_].run;
    if (queue(run.write).has_room()) return false;  // a write that waits for a read
    if (run.write == write) {
      if (entering_entry_ == none || !stream.q.grows_in_place(stream.q.entry(entering_entry_))) return false;
      for (std::uint32_t i = 0; i < run.ways; ++i) {  // it may be served from the write queue, or wait for a read
        if (queue(!write).holds(run.banks[i], run.row)) return false;
      }
      stream.most = std::min(stream.most, run.end - entering_);
      return true;
    }
  }
  if (write && reads_.columns() != 0) {
    const auto low = static_cast<std::uint32_t>(scheduler_.write_low);
    stream.most = std::min(stream.most, writes_.columns() > low ? writes_.columns() - low : 1);
  }
  return true;
}

/// May the run go on while a refresh is due? That of a bank that is not the run's, until the next one falls due.
bool Controller::goes_on(Stream& stream) const {
  if (!rows_within_ || !refresh_.per_bank() || ranks_ != 1) return false;
  const Queue::Entry& entry = stream.q.entry(stream.index);
  const int held = refresh_.bank(0);
  for (std::uint32_t i = 0; i < entry.ways; ++i) {
    if (entry.banks[i] == held) return false;
  }
  stream.refresh = true;
  stream.stop = std::min(stream.stop, refresh_.following(0));
  return true;
}

/// Issues the row commands before `until`, and a refresh before `refresh_until`, while columns go on: they have a bus
/// of their own. A column that they make possible lowers `stop`, unless it is a younger one and columns leave no gaps;
/// and `until`, to the last column before: columns come every `period` cycles from `column` on.
void Controller::issue_rows(Stream& stream, const Choice& column, Cycle until, Cycle refresh_until, Cycle period) {
  const Queue& q = stream.q;
  for (;;) {
    Choice best{.write = column.write};
    std::uint64_t age = 0;
    std::size_t place = 0;
    for (std::size_t i = 0; i < stream.row_count; ++i) {
      const Queue::Bank& bank = q.bank(stream.rows[i]);
      const Cycle at = turn(std::max(bank.key / 2, banks_.earliest_around(bank.kind, stream.rows[i])), false);
      if (at > best.at || (at == best.at && bank.age > age)) continue;
      best.at = at;
      best.bank = stream.rows[i];
      age = bank.age;
      place = i;
    }
    if (stream.refresh) choose_refresh(best);
    if (best.at >= (best.kind == Class::refresh ? refresh_until : until)) return;
    refresh_noted_ = best.kind == Class::refresh;
    if (best.kind == Class::refresh) {
      issue_row(best);
      row_bus_ = best.at + 1;
      if (best.command == Command::precharge) continue;
      stream.refresh = false;
      const Queue::Bank& bank = q.bank(best.bank);
      if (bank.oldest != none) stream.rows[stream.row_count++] = static_cast<std::uint8_t>(best.bank);
      continue;
    }
    const Queue::Bank& bank = q.bank(best.bank);
    best.command = command_of(bank, column.write);
    best.strand = bank.strand;
    issue_row(best);
    row_bus_ = best.at + 1;
    if (bank.row) continue;  // its activate follows
    stream.rows[place] = stream.rows[--stream.row_count];
    const Queue::Strand& strand = q.strand(bank.strand);
    if (stream.no_gaps && strand.age > q.strand(column.strand).age && rank_of(best.bank) == rank_of(column.bank)) {
      continue;
    }
    stream.stop = std::min(stream.stop, turn(banks_.earliest(column.command, best.bank), true));
    const Cycle past = column.at + (stream.stop - 1 - column.at) / period * period + 1;
    until = std::min(until, past);
    refresh_until = std::min(refresh_until, past);
  }
}

bool Controller::issue_run(const Choice& choice, Cycle stop) {
  Queue& q = queue(choice.write);
  Stream stream(q, q.strand(choice.strand).entry, stop);
  const Queue::Entry& entry = q.entry(stream.index);
  if (entry.queued + entry.outside < fewest || starved_ != none) return false;
  if (refresh_.due() <= now_ && !goes_on(stream)) return false;
  if (unused_[writing_ ? 0 : 1] != 0) return false;  // one column of each row opened for the direction before
  if (!find_entering(stream, choice.write)) return false;
  find_others(stream, choice);
  if (stream.stop <= choice.at + static_cast<Cycle>(timing_.tBURST)) return false;
  const std::uint32_t columns = burst_columns(stream, choice);
  if (columns > 1) {
    const Cycle last = choice.at + (columns - 1) * entry.period;
    stream.no_gaps = entry.pace == Queue::Pace::any;
    deferring_ = observer_ != nullptr;
    issue_rows(stream, choice, last + 1, last + 1, entry.period);
    deferring_ = false;
    const Cycle fit = (stream.stop - 1 - choice.at) / entry.period + 1;
    issue_burst(stream, choice, static_cast<std::uint32_t>(std::min<Cycle>(columns, fit)));
    return true;
  }
  return issue_stream(stream, choice);
}

void Controller::set_pace(Queue::Entry& entry) const {
  const auto aligned = [this](int cycles) {
    return (static_cast<Cycle>(std::max(cycles, timing_.tBURST)) + slots_ - 1) / slots_ * slots_;
  };
  const int ways = entry.ways;
  const auto bank = [&](int i) { return entry.banks[static_cast<std::size_t>(i % ways)]; };
  entry.period = aligned(timing_.tCCD_S);
  bool one_rank = true, one_group = true, slow_enough = true;
  for (int i = 0; i < ways; ++i) {
    int distance = 1;
    while (group_of(bank(i + distance)) != group_of(bank(i))) ++distance;
    one_rank = one_rank && rank_of(bank(i)) == rank_of(bank(0));
    one_group = one_group && group_of(bank(i)) == group_of(bank(0));
    slow_enough = slow_enough && static_cast<Cycle>(distance) * entry.period >= aligned(timing_.tCCD_L);
  }
  entry.pace = !one_rank ? Queue::Pace::ranks : Queue::Pace::mixed;
  if (one_rank && slow_enough) {
    entry.pace = Queue::Pace::any;
  } else if (one_rank && one_group) {
    entry.pace = Queue::Pace::group;
    entry.period = aligned(timing_.tCCD_L);
  }
}

/// How many columns follow one another in order, one in each period: the rows of all ways are open, their columns are
/// the run's next ones, and nothing but tCCD and the data bus holds them up (tRCD is over when their turn comes). The
/// period is tCCD_S, where banks of one group come round no faster than tCCD_L, or tCCD_L, where all are in one group.
/// So no younger column of the run can be issued before the next one, and in one cycle the older one goes first.
std::uint32_t Controller::burst_columns(const Stream& stream, const Choice& choice) const {
  Queue& q = stream.q;
  Queue::Entry& entry = q.entry(stream.index);
  if (entry.pace == Queue::Pace::unknown) set_pace(entry);
  const std::uint32_t ways = entry.ways, begin = q.strand(choice.strand).position;
  const Cycle period = entry.period, at = choice.at;
  if (entry.pace == Queue::Pace::mixed || entry.pace == Queue::Pace::ranks) return 1;
  if (entry.pace == Queue::Pace::group && stream.younger) return 1;
  if (begin + entry.queued + entry.outside != entry.end) return 1;  // an older column of the run is behind, or a gap
  for (std::uint32_t i = 0; i < std::min(ways, entry.queued); ++i) {
    const std::uint8_t bank = entry.banks[(begin + i) % ways];
    const Queue::Index hit = q.bank(bank).hit;
    if (hit == none || q.strand(hit).entry != stream.index || q.strand(hit).position != begin + i) return 1;
    if (banks_.earliest(choice.command, bank) > at + i * period) return 1;
  }
  std::uint32_t most = stream.most;
  const bool closes = scheduler_.page == PagePolicy::closed;
  if (entry.outside != 0) {
    if (entry.queued <= ways) return 1;  // its banks' rows may have no column for a cycle
  } else if (stream.shared || closes) {
    const std::uint32_t last = ways - (closes ? 0 : 1);  // from then on a bank has no column of the run
    most = std::min(most, entry.queued > last ? entry.queued - last : 1);
  }
  const Cycle fit = (stream.stop - 1 - at) / period + 1;
  return fit < most ? static_cast<std::uint32_t>(fit) : most;
}

/// In the place of `columns` others have entered.
void Controller::enter(Stream& stream, bool write, std::uint32_t columns) {
  if (entering_entry_ == none || arrivals_[front_].run.write != write) return;
  stream.q.add_in_place(entering_entry_, entering_, columns);
  entering_ += columns;
  backlog_columns_ -= columns;
}

void Controller::issue_burst(Stream& stream, const Choice& choice, std::uint32_t columns) {
  Queue& q = stream.q;
  Queue::Entry& entry = q.entry(stream.index);
  const std::uint32_t ways = entry.ways, begin = q.strand(choice.strand).position;
  const Cycle period = entry.period, wait = latency(choice.write), burst = static_cast<Cycle>(timing_.tBURST);
  const Cycle last = choice.at + (columns - 1) * period;
  const auto bank = [&](std::uint32_t i) { return entry.banks[(begin + i) % ways]; };

  // The data bus: without gaps at once; where each column waits (tCCD beyond the burst), column by column.
  bus_.burst(choice.at, wait, choice.write, entry.tag, reasons(choice.bank, choice.write, choice.at), *transfers_);
  if (period == burst) {
    bus_.more(columns - 1);
    for (std::uint32_t i = columns > ways ? columns - ways : 0; i < columns; ++i) {
      remember(choice.write, bank(i), choice.at + i * period);
    }
  } else {
    remember(choice.write, choice.bank, choice.at);
    for (std::uint32_t i = 1; i < columns; ++i) {
      const Cycle at = choice.at + i * period;
      bus_.burst(at, wait, choice.write, entry.tag, reasons(bank(i), choice.write, at), *transfers_);
      remember(choice.write, bank(i), at);
    }
  }
  banks_.issue_columns(choice.command, entry.banks.data(), static_cast<int>(ways), static_cast<int>(begin % ways),
                       columns, choice.at, period);
  if (observer_ != nullptr) {
    auto row = deferred_.begin();
    for (std::uint32_t i = 0; i < columns; ++i) {
      const Cycle at = choice.at + i * period;
      for (; row != deferred_.end() && (row->issued.at < at || (row->issued.at == at && row->refresh)); ++row) {
        observer_->command(row->issued);
      }
      note(at, choice.command, bank(i), entry.row, static_cast<int>((begin + i) / ways));
    }
    for (; row != deferred_.end(); ++row) observer_->command(row->issued);
    deferred_.clear();
  }

  enter(stream, choice.write, columns - 1);  // the last one's place is free from the next cycle on
  for (std::uint32_t i = 0; i < std::min(ways, columns); ++i) {
    const std::uint32_t n = (columns - i + ways - 1) / ways;
    q.remove(q.bank(bank(i)).hit, n, choice.at + (i + (n - 1) * ways) * period);
  }
  for (std::uint32_t i = 0; i < std::min(ways, columns); ++i) {
    use(bank(i));
    settle_bank(bank(i));
  }
  entry.first = std::min(entry.first, choice.at + wait);
  entry.last = std::max(entry.last, last + wait + burst);
  finish(q, stream.index);
}

/// The run's columns in the order in which their banks can take them: where one way is behind the others (its bank was
/// opened or refreshed later), or tCCD_L keeps them from going round.
bool Controller::issue_stream(Stream& stream, const Choice& choice) {
  Queue& q = stream.q;
  Queue::Entry& entry = q.entry(stream.index);
  if (entry.pace == Queue::Pace::ranks) return false;
  struct Way {
    Queue::Strand* strand;
    Cycle ready;
    Cycle last = never;
  };
  std::array<Way, Run::most_ways> ways;
  std::size_t count = 0;
  for (std::uint32_t i = 0; i < entry.ways; ++i) {
    const Queue::Index hit = q.bank(entry.banks[i]).hit;
    if (hit == none || q.strand(hit).entry != stream.index) continue;
    ways[count++] = {&q.strand(hit), banks_.earliest(choice.command, entry.banks[i])};
  }
  const auto other = static_cast<Cycle>(std::max(timing_.tCCD_S, timing_.tBURST));
  const auto same = static_cast<Cycle>(std::max(timing_.tCCD_L, timing_.tBURST));
  const Cycle wait = latency(choice.write), opens = static_cast<Cycle>(std::min(timing_.tRCDRD, timing_.tRCDWR));
  Cycle last = 0;
  std::uint32_t issued = 0;
  for (; issued < stream.most; ++issued) {
    Way* next = nullptr;
    Cycle at = never;
    for (Way* way = ways.data(); way != ways.data() + count; ++way) {
      const Cycle could = turn(issued == 0 ? way->ready : std::max(way->ready, last + other), true);
      if (could > at || (could == at && way->strand->age > next->strand->age)) continue;
      next = way;
      at = could;
    }
    if (at >= stream.stop || next->strand->left == 1) break;
    if (issued != 0) {
      if (stream.younger && at > align(last + other)) break;
      if (rows_within_) {
        if (at - last >= opens) break;  // a row that is opened meanwhile may have a column by then
        issue_rows(stream, choice, at, at + 1, 1);
      }
      enter(stream, choice.write, 1);
    }
    Queue::Strand& strand = *next->strand;
    if (issued != 0 && at + wait == bus_.end()) {
      bus_.more(1);
    } else {
      bus_.burst(at, wait, choice.write, entry.tag, reasons(strand.bank, choice.write, at), *transfers_);
    }
    note(at, choice.command, strand.bank, strand.row, strand.column());
    remember(choice.write, strand.bank, at);
    q.remove(static_cast<Queue::Index>(&strand - &q.strand(0)), 1, at);
    for (Way* way = ways.data(); way != ways.data() + count; ++way) {
      if (group_of(way->strand->bank) == group_of(strand.bank)) way->ready = std::max(way->ready, at + same);
    }
    next->last = last = at;
  }
  if (issued == 0) return false;
  if (rows_within_) issue_rows(stream, choice, last + 1, last + 1, 1);
  for (std::size_t i = 0; i < count; ++i) {
    if (ways[i].last == never) continue;
    const std::uint8_t bank = ways[i].strand->bank;
    banks_.issue(choice.command, bank, entry.row, ways[i].last);
    use(bank);
    settle_bank(bank);
  }
  entry.first = std::min(entry.first, choice.at + wait);
  entry.last = std::max(entry.last, last + wait + static_cast<Cycle>(timing_.tBURST));
  return true;
}

}  // namespace triad::memory::dram
