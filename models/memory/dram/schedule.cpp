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
  bank.age = q.strand(bank.strand).age;
  bank.ready = banks_.earliest_of_bank(bank.kind, number);
}

Command Controller::command_of(const Queue::Bank& bank, bool write) const {
  if (!bank.row) return write ? Command::write : Command::read;
  return bank.kind == Banks::activate ? Command::activate : Command::precharge;
}

/// Looks for the command that goes first.
struct Controller::Search {
  Cycle column_floor, row_floor;  ///< the buses are free from then on
  Cycle key = never;              ///< of the best so far: earliest first, then columns
  std::uint64_t age = 0;
  int bank = -1;
  bool write = false;
};

void Controller::search(Search& best, bool write, bool refreshing) const {
  const Queue& q = queue(write);
  // After a change of direction: rows that have been opened for the one before are used first, so that none is opened
  // in vain and the bus turns round once. Meanwhile rows are opened for the other one, in other banks.
  const bool turning = unused_[writing_ ? 0 : 1] != 0;
  const std::uint8_t before = writing_ ? 1 : 2;
  for (const std::uint8_t number : q.active()) {
    const Queue::Bank& bank = q.bank(number);
    if (turning) {
      const bool unused = opened_for_[number] == before;
      if (write == writing_ ? unused || !bank.row : !unused) continue;
    }
    if (refreshing && refresh_.holds(rank_of(number), number, now_)) continue;
    const Cycle free = bank.row ? best.row_floor : best.column_floor;
    const Cycle at = align(std::max({bank.ready, banks_.earliest_around(bank.kind, number), free}));
    const Cycle key = 2 * at + (bank.row ? 1 : 0);
    if (key > best.key || (key == best.key && bank.age > best.age)) continue;
    best.key = key;
    best.age = bank.age;
    best.bank = number;
    best.write = write;
  }
}

Controller::Choice Controller::choose() const {
  Choice best;
  const bool refreshing = refresh_.due() <= now_;
  if (starved_ != none) {
    best = choose_starved();
  } else {
    Search found{.column_floor = std::max(now_, column_bus_), .row_floor = std::max(now_, row_bus_)};
    if (unused_[writing_ ? 0 : 1] != 0) search(found, !writing_, refreshing);
    search(found, writing_, refreshing);
    if (found.bank >= 0) {
      const Queue::Bank& bank = queue(found.write).bank(found.bank);
      best = {.at = found.key / 2,
              .kind = bank.row ? Class::row : Class::column,
              .command = command_of(bank, found.write),
              .write = found.write,
              .bank = found.bank,
              .strand = bank.strand,
              .age = bank.age};
    }
  }
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
  choice.age = q.strand(choice.strand).age;
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
  if (choice.kind != Class::column) {
    issue_row(choice);
    row_bus_ = at + 1;
  } else {
    const std::uint32_t columns = scheduler_.burst ? burst_columns(choice, stop) : 1;
    if (columns == 1) {
      issue_column(choice);
    } else {
      issue_burst(choice, columns);
      at = last_column_.at;
    }
    column_bus_ = at + 1;
    starved_ = none;
  }
  admits_from_ = at + 1;
  if (scheduler_.dual_command) {
    now_ = at;  // the other bus may have a command in the same cycle
  } else {
    now_ = row_bus_ = column_bus_ = admits_from_;
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
