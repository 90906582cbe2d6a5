// Which command a controller issues next, and what issuing it does.
#include <algorithm>

#include "models/memory/dram/controller.hpp"

namespace triad::memory::dram {

Cycle Controller::turn(Cycle at, bool column) const {
  at = std::max({at, now_, column ? column_bus_ : row_bus_});
  if (slots_ > 1) at += (slot_ + slots_ - at % slots_) % slots_;
  return at;
}

Controller::Choice Controller::choose() {
  Choice best;
  if (refresh_.due() <= now_) choose_refresh(best);
  if (starved_ != none) {
    Queue& q = queue(starved_write_);
    consider(best, q, starved_write_, q.strand(starved_).bank, starved_);
    return best;
  }
  Queue& q = queue(writing_);
  for (const std::uint8_t bank : q.active()) {
    if (q.bank(bank).bound <= best.at) consider(best, q, writing_, bank, q.bank(bank).oldest);
  }
  return best;
}

void Controller::consider(Choice& best, Queue& q, bool write, int number, Queue::Index oldest) {
  if (refresh_.due() <= now_ && refresh_.holds(rank_of(number), number, now_)) return;
  Queue::Bank& bank = q.bank(number);
  const std::int64_t open = banks_.open_row(number);
  Choice choice{.kind = Class::row, .write = write, .bank = number, .strand = oldest};
  // A starved row does not wait for others' hits.
  if (bank.hit != none && (starved_ == none || q.strand(oldest).row == open)) {
    choice.kind = Class::column;
    choice.command = write ? Command::write : Command::read;
    choice.strand = bank.hit;
  } else {
    choice.command = open == Banks::closed ? Command::activate : Command::precharge;
  }
  choice.at = turn(banks_.earliest(choice.command, number), choice.kind == Class::column);
  if (starved_ == none) bank.bound = choice.at;
  choice.age = q.strand(choice.strand).age;
  if (choice.at > best.at) return;
  if (choice.at < best.at || choice.kind < best.kind || (choice.kind == best.kind && choice.age < best.age)) {
    best = choice;
  }
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
    if (choice.at < best.at) best = choice;
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
  reads_.set_open_row(bank, row);
  writes_.set_open_row(bank, row);
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
