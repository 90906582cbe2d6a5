// Which command a controller issues next, and what issuing it does.
#include <algorithm>

#include "models/memory/dram/controller.hpp"

namespace triad::memory::dram {

void Controller::settle_bank(Queue& q, bool write, int number) {
  Queue::Bank& bank = q.bank(number);
  if (bank.oldest == none) return;
  bank.row = bank.hit == none;
  if (bank.row) {
    bank.strand = bank.oldest;
    bank.kind = banks_.open_row(number) == Banks::closed ? Banks::activate : Banks::precharge;
  } else {
    bank.strand = bank.hit;
    bank.kind = write ? Banks::write : Banks::read;
  }
  bank.age = q.strand(bank.strand).age << 8 | static_cast<std::uint64_t>(number);
  bank.key = key(banks_.earliest_of_bank(bank.kind, number), bank.row);
  bank.floor = static_cast<std::uint32_t>(group_of(number)) * Banks::kinds + bank.kind;
}

Command Controller::command_of(const Queue::Bank& bank, bool write) const {
  if (!bank.row) return write ? Command::write : Command::read;
  return bank.kind == Banks::activate ? Command::activate : Command::precharge;
}

/// Commands as numbers, of which the least one goes first, from the highest bit on: twice the cycles from now on, + 1
/// of a row command that has a bus of its own; the column's age, less one that is older than any; the bank. One number,
/// and no branches: which command is the next one cannot be predicted.
struct Controller::Search {
  static constexpr int bank_bits = 8, age_bits = 31;
  static constexpr int low_bits = bank_bits + age_bits;
  static_assert(longest_wait < 1ull << (64 - low_bits - 1) && longest_starvation < 1ull << age_bits);

  const Cycle* floors;
  Cycle now;
  std::uint64_t best = never;
  std::uint64_t row = never;  ///< the best row command
  int reserved = -1;          ///< this bank's next command is the starving run's
  bool rows_only = false;     ///< the starving run's column is the next one

  static std::uint64_t offset(const Queue& q) { return (q.age() - (1ull << age_bits)) << bank_bits; }
  std::uint64_t rank(const Queue::Bank& bank, std::uint64_t offset) const {
    return ((std::max(bank.key, floors[bank.floor]) - now) << low_bits) + (bank.age - offset);
  }
  void consider(const Queue::Bank& bank, std::uint64_t offset) {
    const std::uint64_t candidate = rank(bank, offset);
    best = std::min(best, candidate);
    row = std::min(row, candidate | (((candidate >> low_bits) & 1) - 1));
  }
  /// The cycle of a candidate.
  Cycle at(std::uint64_t candidate) const { return (now + (candidate >> low_bits)) / 2; }
};

void Controller::set_floors(bool write) {
  const Cycle column = std::max(now_, column_bus_), row = std::max(now_, row_bus_);
  const std::size_t kind = write ? Banks::write : Banks::read;
  Cycle* floor = floors_.data();
  std::size_t group = 0;
  for (std::size_t rank = 0; rank < ranks_; ++rank) {
    for (const std::size_t end = group + groups_per_rank_; group < end; ++group, floor += Banks::kinds) {
      floor[Banks::activate] = key(std::max(row, banks_.earliest_around(Banks::activate, rank, group)), true);
      floor[Banks::precharge] = key(row, true);
      floor[kind] = key(std::max(column, banks_.earliest_around(kind, rank, group)), false);
    }
  }
}

void Controller::search_with_care(Search& search, bool write) const {
  const Queue& q = queue(write);
  const std::uint64_t offset = Search::offset(q);
  const bool turning = unused_[writing_ ? 0 : 1] != 0;
  const std::uint8_t before = writing_ ? 1 : 2;
  for (const std::uint8_t number : q.active()) {
    const Queue::Bank& bank = q.bank(number);
    if (number == search.reserved || (search.rows_only && !bank.row)) continue;
    if (turning) {
      const bool unused = opened_for_[number] == before;
      if (write == writing_ ? unused || !bank.row : !unused) continue;
    }
    if (!refresh_.holds(rank_of(number), number, now_)) search.consider(bank, offset);
  }
}

Controller::Choice Controller::choose() {
  Choice best, starved;
  const bool refreshing = refresh_.due() <= now_, starving = starved_ != none;
  Search search{.floors = floors_.data(), .now = 2 * now_};
  if (starving) {
    starved = choose_starved();
    search.reserved = starved.bank;
    search.rows_only = starved.kind == Class::column &&
                       banks_.earliest_of_bank(starved.write ? Banks::write : Banks::read, starved.bank) <= now_;
  }
  set_floors(writing_);
  // After a change of direction: rows that have been opened for the one before are used first, so that none is
  // opened in vain and the bus turns round once. Meanwhile rows are opened for the other one, in other banks.
  const bool turning = unused_[writing_ ? 0 : 1] != 0;
  bool write = writing_;
  if (turning) {
    set_floors(!writing_);
    search_with_care(search, !writing_);
  }
  const std::uint64_t unused = search.best;
  if (turning || refreshing || starving) {
    search_with_care(search, writing_);
  } else {
    const Queue& q = queue(writing_);
    const std::uint64_t offset = Search::offset(q);
    if (scheduler_.dual_command) {
      for (const std::uint8_t number : q.active()) search.consider(q.bank(number), offset);
    } else {
      for (const std::uint8_t number : q.active()) {
        search.best = std::min(search.best, search.rank(q.bank(number), offset));
      }
    }
  }
  if (search.best != never) {
    if (turning && search.best == unused) write = !write;
    const int number = static_cast<int>(search.best & ((1u << Search::bank_bits) - 1));
    const Queue::Bank& bank = queue(write).bank(number);
    best = {.at = search.at(search.best),
            .row_at = search.at(search.row),
            .kind = bank.row ? Class::row : Class::column,
            .command = command_of(bank, write),
            .write = write,
            .bank = number,
            .strand = bank.strand};
  }
  if (starving && starved.at <= best.at) best = starved;
  if (refreshing) choose_refresh(best);
  return best;
}

Controller::Choice Controller::choose_starved() const {
  const Queue& q = queue(starved_write_);
  const Queue::Strand& strand = q.strand(starved_);
  const Queue::Bank& bank = q.bank(strand.bank);
  Choice choice{.write = starved_write_, .bank = strand.bank, .strand = starved_};
  if (refresh_.due() <= now_ && refresh_.holds(rank_of(strand.bank), strand.bank, now_)) return choice;
  const std::int64_t open = banks_.open_row(strand.bank);
  if (open == strand.row) {  // the oldest of its row goes first
    choice.kind = Class::column;
    choice.command = choice.write ? Command::write : Command::read;
    choice.strand = bank.hit;
  } else {  // it does not wait for others' hits
    choice.command = open == Banks::closed ? Command::activate : Command::precharge;
  }
  choice.at = turn(banks_.earliest(choice.command, choice.bank), choice.kind == Class::column);
  return choice;
}

void Controller::choose_refresh(Choice& best) const {
  for (int rank = 0; rank < refresh_.ranks(); ++rank) {
    if (!refresh_.is_due(rank, now_)) continue;
    const int first = refresh_.bank(rank), end = first + (refresh_.per_bank() ? 1 : banks_per_rank_);
    bool open = false;
    for (int bank = first; bank < end && !open; ++bank) open = banks_.open_row(bank) != Banks::closed;
    Choice choice{.kind = Class::refresh, .bank = first};
    if (refresh_.per_bank()) {
      choice.command = open ? Command::precharge : Command::refresh_bank;
    } else {
      choice.command = open ? Command::precharge_all : Command::refresh_all;
    }
    choice.at = turn(banks_.earliest(choice.command, first), false);
    if (choice.at < best.at || (choice.at == best.at && best.kind != Class::refresh)) best = choice;
  }
}

void Controller::issue(const Choice& choice, Cycle stop) {
  Cycle at = choice.at;
  bool rows = false;  // those up to `at` have been issued
  if (choice.kind != Class::column) {
    issue_row(choice);
    row_bus_ = at + 1;
  } else {
    const bool run = scheduler_.burst && issue_run(choice, stop);
    if (!run) issue_column(choice);
    rows = run && rows_within_;
    at = last_column_.at;
    column_bus_ = at + 1;
    starved_ = none;
  }
  now_ = admits_from_ = at + 1;
  if (!scheduler_.dual_command) {
    row_bus_ = column_bus_ = now_;
  } else if (choice.kind != Class::row && choice.row_at <= at && !rows) {
    now_ = at;  // the other bus may have a command in the same cycle; after a row command no column can
  }
}

void Controller::set_open_row(int bank, std::int64_t row) {
  use(bank);
  reads_.set_open_row(bank, row);
  writes_.set_open_row(bank, row);
  settle_bank(bank);
}

void Controller::issue_row(const Choice& choice) {
  const int bank = choice.bank;
  const bool opens = choice.command == Command::activate;
  const std::int64_t row = opens ? queue(choice.write).strand(choice.strand).row : Banks::closed;
  Statistics& statistics = bus_.statistics;
  const bool of_rank = choice.command == Command::precharge_all || choice.command == Command::refresh_all;
  const int end = bank + (of_rank ? banks_per_rank_ : 1);
  banks_.issue(choice.command, bank, row, choice.at);
  note(choice.at, choice.command, bank, opens ? row : 0, 0);
  switch (choice.command) {
    case Command::activate:
      ++statistics.activates;
      activated_[static_cast<std::size_t>(bank)] = choice.at;
      set_open_row(bank, row);
      opened_for_[static_cast<std::size_t>(bank)] = choice.write ? 2 : 1;
      ++unused_[choice.write ? 1 : 0];
      break;
    case Command::precharge:
    case Command::precharge_all:
      ++statistics.precharges;
      for (int each = bank; each < end; ++each) set_open_row(each, Banks::closed);
      break;
    default: {
      ++statistics.refreshes;
      const int busy = of_rank ? timing_.tRFC : timing_.tRFCpb;
      for (int each = bank; each < end; ++each) {
        refreshed_[static_cast<std::size_t>(each)] = choice.at + static_cast<Cycle>(busy);
        set_open_row(each, Banks::closed);
      }
      refresh_.done(rank_of(bank));
    }
  }
}

void Controller::issue_column(const Choice& choice) {
  Queue& q = queue(choice.write);
  use(choice.bank);
  const Queue::Strand strand = q.strand(choice.strand);
  Queue::Entry& entry = q.entry(strand.entry);
  const Cycle data = choice.at + latency(choice.write);
  bus_.burst(choice.at, latency(choice.write), choice.write, entry.tag, reasons(choice.bank, choice.write, choice.at),
             *transfers_);
  entry.first = std::min(entry.first, data);
  entry.last = std::max(entry.last, data + static_cast<Cycle>(timing_.tBURST));
  q.remove(choice.strand, 1, choice.at);
  finish(q, strand.entry);
  Command command = choice.command;
  const bool closes = scheduler_.page == PagePolicy::closed && q.bank(choice.bank).hit == none;
  if (closes) command = choice.write ? Command::write_precharge : Command::read_precharge;
  banks_.issue(command, choice.bank, strand.row, choice.at);
  note(choice.at, command, choice.bank, strand.row, strand.column());
  if (closes) {
    ++bus_.statistics.precharges;
    set_open_row(choice.bank, Banks::closed);
  } else {
    settle_bank(choice.bank);
  }
  remember(choice.write, choice.bank, choice.at);
}

void Controller::remember(bool write, int bank, Cycle at) {
  last_column_ = {true, write, bank, at};
  group_free_[static_cast<std::size_t>(group_of(bank))] = at + static_cast<Cycle>(timing_.tCCD_L);
}

DataBus::Reasons Controller::reasons(int bank, bool write, Cycle at) const {
  const auto b = static_cast<std::size_t>(bank);
  DataBus::Reasons why{.idle = busy_since_,
                       .refreshing = refreshed_[b],
                       .row = activated_[b] + static_cast<Cycle>(write ? timing_.tRCDWR : timing_.tRCDRD)};
  if (!last_column_.any) return why;
  if (last_column_.write != write || rank_of(last_column_.bank) != rank_of(bank)) {
    why.turnaround = at;
  } else {
    why.bank_group = std::max(last_column_.at + static_cast<Cycle>(timing_.tCCD_S),
                              group_free_[static_cast<std::size_t>(group_of(bank))]);
  }
  return why;
}

}  // namespace triad::memory::dram
