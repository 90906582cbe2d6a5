// The closed form: columns of a run that follow one another at a fixed period, issued at once.
//
// It is used where the command-by-command model would do the same. Column i of a run is issued at c(i) = c(0) + i *
// period if, until then, nothing else can be issued first and what may be issued is what there was at c(0):
//
// - the rows of all its ways are open, its columns are the oldest of their rows, in order, and nothing but tCCD and the
//   data bus holds them up (tRCD is over when their turn comes);
// - period = tCCD_S, where banks of one group come round no faster than tCCD_L, or tCCD_L, where all are in one group:
//   no younger column can be issued earlier than the run's next one, and in one cycle the older one goes first;
// - no other bank's command (a row command; an older column, or any one while the period is tCCD_L) is possible before;
// - no refresh, no starvation, no arrival falls due before;
// - what enters in the place of issued columns adds to strands that are there (the run itself, or the one that enters);
// - the queue's mode stays, and with closed pages no column is its row's last one.
#include <algorithm>

#include "models/memory/dram/controller.hpp"

namespace triad::memory::dram {

namespace {

/// Fewer columns are not worth the look.
constexpr std::uint32_t fewest = 4;

}  // namespace

void Controller::set_pace(Queue::Entry& entry) const {
  const auto aligned = [this](int cycles) {
    return (static_cast<Cycle>(std::max(cycles, timing_.tBURST)) + slots_ - 1) / slots_ * slots_;
  };
  const int ways = entry.ways;
  const auto group = [&](int i) { return group_of(entry.banks[static_cast<std::size_t>(i % ways)]); };
  entry.period = aligned(timing_.tCCD_S);
  bool one_group = true, slow_enough = true;
  for (int i = 0; i < ways; ++i) {
    one_group = one_group && group(i) == group(0);
    int distance = 1;
    while (group(i + distance) != group(i)) ++distance;
    slow_enough = slow_enough && static_cast<Cycle>(distance) * entry.period >= aligned(timing_.tCCD_L);
    if (rank_of(entry.banks[static_cast<std::size_t>(i)]) != rank_of(entry.banks[0])) {
      entry.pace = Queue::Pace::mixed;
      return;
    }
  }
  entry.pace = slow_enough ? Queue::Pace::any : one_group ? Queue::Pace::group : Queue::Pace::mixed;
  if (entry.pace == Queue::Pace::group) entry.period = aligned(timing_.tCCD_L);
}

Cycle Controller::disturbed(const Queue& q, const Choice& choice, Cycle stop, bool& shared) const {
  const Queue::Index index = q.strand(choice.strand).entry;
  const Queue::Entry& entry = q.entry(index);
  for (const std::uint8_t number : q.active()) {
    const Queue::Bank& bank = q.bank(number);
    if (!bank.row && q.strand(bank.hit).entry == index) {
      shared = shared || bank.oldest != bank.hit || bank.youngest != bank.hit;
      continue;
    }
    if (!bank.row && entry.pace == Queue::Pace::any && q.strand(bank.strand).age > q.strand(choice.strand).age &&
        rank_of(number) == rank_of(choice.bank)) {
      continue;
    }
    stop = std::min(stop, turn(std::max(bank.key / 2, banks_.earliest_around(bank.kind, number)), !bank.row));
  }
  return stop;
}

std::uint32_t Controller::burst_columns(const Choice& choice, Cycle stop) {
  Queue& q = queue(choice.write);
  const Queue& other = queue(!choice.write);
  const Queue::Strand& strand = q.strand(choice.strand);
  Queue::Entry& entry = q.entry(strand.entry);
  if (entry.queued + entry.outside < fewest || starved_ != none || refresh_.due() <= now_) return 1;
  if (unused_[writing_ ? 0 : 1] != 0) return 1;  // one column of each row that was opened for the direction before
  if (entry.pace == Queue::Pace::unknown) set_pace(entry);
  const std::uint32_t ways = entry.ways, begin = strand.position;
  const Cycle period = entry.period, at = choice.at;
  if (entry.pace == Queue::Pace::mixed || scheduler_.starvation <= ways * period) return 1;
  if (begin + entry.queued + entry.outside != entry.end) return 1;  // an older column of the run is behind, or a gap

  // The run's columns are next in their banks, in order.
  for (std::uint32_t i = 0; i < std::min(ways, entry.queued); ++i) {
    const std::uint8_t bank = entry.banks[(begin + i) % ways];
    const Queue::Index hit = q.bank(bank).hit;
    if (hit == none || q.strand(hit).entry != strand.entry || q.strand(hit).position != begin + i) return 1;
    if (banks_.earliest(choice.command, bank) > at + i * period) return 1;
  }

  // What enters meanwhile.
  const Queue::Entry* enters = nullptr;
  if (front_ != arrivals_.size() && arrivals_[front_].at <= now_) {
    const bool write = arrivals_[front_].run.write;
    if (queue(write).has_room()) return 1;  // a write that waits for a read
    if (write == choice.write) {
      if (entering_entry_ == none || !q.grows_in_place(q.entry(entering_entry_))) return 1;
      enters = &q.entry(entering_entry_);
      for (std::uint32_t i = 0; i < enters->ways; ++i) {
        if (other.holds(enters->banks[i], enters->row)) return 1;
      }
    }
  }
  std::uint32_t most = entry.outside != 0 ? ~0u : entry.queued;
  if (enters != nullptr) {
    most = std::min(most, enters->outside);
  } else if (choice.write && reads_.columns() != 0) {
    const auto low = static_cast<std::uint32_t>(scheduler_.write_low);
    most = std::min(most, writes_.columns() > low ? writes_.columns() - low : 1);
  }

  bool shared = false;
  stop = disturbed(q, choice, stop, shared);
  const bool closes = scheduler_.page == PagePolicy::closed;
  if (entry.outside != 0) {
    if (entry.queued <= ways) return 1;  // its banks' rows may have no column for a cycle
  } else if (shared || closes) {
    const std::uint32_t last = ways - (closes ? 0 : 1);  // from then on a bank has no column of the run
    most = std::min(most, entry.queued > last ? entry.queued - last : 1);
  }
  if (stop <= at + period) return 1;
  const Cycle fit = (stop - 1 - at) / period + 1;
  return fit < most ? static_cast<std::uint32_t>(fit) : most;
}

void Controller::issue_burst(const Choice& choice, std::uint32_t columns) {
  Queue& q = queue(choice.write);
  const Queue::Index index = q.strand(choice.strand).entry;
  Queue::Entry& entry = q.entry(index);
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
    for (std::uint32_t i = 0; i < columns; ++i) {
      note(choice.at + i * period, choice.command, bank(i), entry.row, static_cast<int>((begin + i) / ways));
    }
  }

  // In the place of each column but the last one another has entered (that one's place is free from the next cycle on).
  if (entering_entry_ != none && arrivals_[front_].run.write == choice.write) {
    q.add_in_place(entering_entry_, entering_, columns - 1);
    entering_ += columns - 1;
    backlog_columns_ -= columns - 1;
  }
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
  finish(q, index);
}

}  // namespace triad::memory::dram
