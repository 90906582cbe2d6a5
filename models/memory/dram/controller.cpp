#include "models/memory/dram/controller.hpp"

#include <algorithm>
#include <stdexcept>

namespace triad::memory::dram {

namespace {

/// Long ranges have no more parts of runs in banks.
constexpr std::size_t few_strands = 16;

}  // namespace

Controller::Controller(const Parameters& parameters, int slot, Observer* observer)
    : timing_(parameters.timing),
      scheduler_(parameters.scheduler),
      banks_per_rank_(parameters.organization.banks_per_rank()),
      ranks_(static_cast<std::size_t>(parameters.organization.ranks)),
      groups_per_rank_(static_cast<std::size_t>(parameters.organization.bank_groups)),
      slot_(static_cast<Cycle>(slot)),
      slots_(static_cast<Cycle>(parameters.organization.pseudo_channels)),
      observer_(observer),
      banks_(parameters),
      reads_(parameters.organization.all_banks(), parameters.scheduler.read_queue),
      writes_(parameters.organization.all_banks(), parameters.scheduler.write_queue),
      refresh_(parameters),
      bus_(parameters.timing.tBURST),
      opened_for_(static_cast<std::size_t>(parameters.organization.all_banks())),
      activated_(static_cast<std::size_t>(parameters.organization.all_banks())),
      refreshed_(static_cast<std::size_t>(parameters.organization.all_banks())),
      group_free_(static_cast<std::size_t>(parameters.organization.ranks * parameters.organization.bank_groups)) {
  const Timing& t = timing_;
  const int longest = std::max({t.tRC, t.tRFC, t.tRFCpb, t.tRREFD, t.tFAW, t.tRRD_L, t.tRAS + t.tRP, t.tRTW, t.tCCD_L,
                                t.tCL + t.tBURST + t.tRTRS, t.tCWL + t.tBURST + std::max(t.tWR, t.tWTR_L)});
  if (static_cast<Cycle>(longest) > longest_wait || scheduler_.starvation > longest_starvation) {
    throw std::logic_error("a DRAM controller with times beyond what it can tell apart");
  }
  if (parameters.organization.all_banks() > 256) throw std::logic_error("more than 256 banks in a DRAM channel");
  for (int bank = 0; bank < parameters.organization.all_banks(); ++bank) {
    places_.push_back({bank / banks_per_rank_, bank / parameters.organization.banks});
  }
  floors_.resize(group_free_.size() * Banks::kinds);
  const int slowest = std::max({t.tCCD_S, t.tCCD_L, t.tBURST}) + parameters.organization.pseudo_channels;
  rows_within_ = scheduler_.dual_command && std::min(t.tRCDRD, t.tRCDWR) >= slowest;
  if ((slots_ & (slots_ - 1)) != 0) throw std::logic_error("pseudo channels that are no power of two");
}

void Controller::push(const Run& run, Cycle arrival) {
  if (run.columns() == 0) throw std::logic_error("a run without columns");
  if (arrival < now_ || (front_ != arrivals_.size() && arrival < arrivals_.back().at)) {
    throw std::logic_error("a run arrives in a DRAM controller's past");
  }
  if (front_ == arrivals_.size()) {
    arrivals_.clear();
    front_ = 0;
    entering_ = run.begin;
    event_ = std::min(event_, arrival);
  } else if (arrivals_.size() == arrivals_.capacity() && 2 * front_ >= arrivals_.size()) {
    arrivals_.erase(arrivals_.begin(), arrivals_.begin() + static_cast<std::ptrdiff_t>(front_));
    front_ = 0;
  }
  arrivals_.push_back({run, arrival});
  backlog_columns_ += run.columns();
  backlog_writes_ += run.write ? 1 : 0;
}

void Controller::advance(Cycle until, std::vector<Served>& served, std::vector<Transfer>& transfers) {
  served_ = &served;
  transfers_ = &transfers;
  for (;;) {
    if (now_ >= admits_from_) {  // a new cycle
      admit();
      find_starved();
      settle_mode();
    }
    if (!chosen_) {
      choice_ = choose();
      event_ = next_event();
      chosen_ = true;
    }
    if (now_ >= until) break;
    const Cycle stop = std::min(until, event_);
    if (choice_.at >= stop) {
      now_ = stop;
      chosen_ = stop != event_;
    } else {
      now_ = choice_.at;
      chosen_ = false;
      issue(choice_, stop);
    }
  }
  bus_.settle(now_ + std::min(latency(false), latency(true)), transfers);
}

void Controller::admit() {
  blocked_ = false;
  while (front_ != arrivals_.size()) {
    const Arrival& arrival = arrivals_[front_];
    if (arrival.at > now_) return;
    const Run& run = arrival.run;
    Queue& q = queue(run.write);
    blocked_ = true;
    if (!q.has_room()) return;
    if (entering_entry_ == none) entering_entry_ = q.open(run, now_);
    while (entering_ != run.end) {
      if (!q.has_room() || !admit_column(run)) return;
      ++entering_;
      --backlog_columns_;
      chosen_ = false;
    }
    blocked_ = false;
    Queue::Entry& entry = q.entry(entering_entry_);
    if (run.write) {
      --backlog_writes_;
      served_->push_back({entry.request, entry.columns, entry.entered, entry.entered, now_});
    }
    finish(q, entering_entry_);
    entering_entry_ = none;
    if (++front_ != arrivals_.size()) entering_ = arrivals_[front_].run.begin;
  }
}

bool Controller::admit_column(const Run& run) {
  Queue& q = queue(run.write);
  const Queue& other = queue(!run.write);
  const std::uint32_t way = run.way(entering_);
  const std::uint8_t bank = run.banks[way];
  if (other.columns() != 0 && other.holds(bank, run.row, entering_ / run.ways)) {
    if (run.write) return false;  // an older read of the column waits
    Queue::Entry& entry = q.entry(entering_entry_);
    q.pass(entering_entry_, way);
    const Cycle first = now_ + latency(false), last = first + static_cast<Cycle>(timing_.tBURST);
    entry.first = std::min(entry.first, first);
    entry.last = std::max(entry.last, last);
    ++bus_.statistics.forwarded;
    return true;
  }
  if (reads_.columns() + writes_.columns() == 0) busy_since_ = now_;
  if (q.add(entering_entry_, run, entering_, way, banks_.open_row(bank), now_)) settle_bank(q, run.write, bank);
  starves_ = std::min(starves_, now_ + scheduler_.starvation);
  return true;
}

void Controller::finish(Queue& q, Queue::Index index) {
  const Queue::Entry& entry = q.entry(index);
  if (!q.close(index) || &q == &writes_) return;
  served_->push_back({entry.request, entry.columns, entry.entered, entry.first, entry.last});
}

void Controller::settle_mode() {
  const auto writes = static_cast<int>(writes_.columns());
  if (writing_) {
    writing_ = writes != 0 && (writes > scheduler_.write_low || reads_.columns() == 0);
  } else {
    writing_ = writes != 0 && (writes >= scheduler_.write_high || reads_.columns() == 0);
  }
  writing_ = writing_ || (starved_ != none && starved_write_);
}

void Controller::find_starved() {
  starved_ = none;
  if (now_ < starves_) return;
  starves_ = never;
  Cycle since = never;
  for (const bool write : {false, true}) {
    const Queue& q = queue(write);
    const Queue::Index index = q.most_patient();
    if (index == none || q.strand(index).since >= since) continue;
    since = q.strand(index).since;
    starves_ = since + scheduler_.starvation;
    starved_write_ = write;
    starved_ = index;
  }
  if (starves_ > now_) starved_ = none;
}

Cycle Controller::next_event() const {
  if (now_ < admits_from_) return admits_from_;
  Cycle event = refresh_.next_due(now_);
  if (starves_ > now_) event = std::min(event, starves_);
  if (front_ != arrivals_.size() && arrivals_[front_].at > now_) event = std::min(event, arrivals_[front_].at);
  return event;
}

/// The first cycle in which the last column of a queued read may be issued, or never. Columns follow one another no
/// faster than bursts; those of a row that is not open wait for its activate, and a precharge before.
Cycle Controller::last_read_after(Cycle command, bool forwards) const {
  const auto burst = static_cast<Cycle>(timing_.tBURST);
  const Cycle opens = static_cast<Cycle>(timing_.tRCDRD), closes = static_cast<Cycle>(timing_.tRP) + opens;
  Cycle next = never;
  if (reads_.strands() > few_strands) {  // too many to look at each
    for (const Queue::Entry& entry : reads_.entries()) {
      if (entry.queued == 0) continue;
      next = std::min(next, command + (entry.queued + (forwards ? 0 : entry.outside) - 1) * burst);
      if (next == command) break;
    }
    return next;
  }
  for (const std::uint8_t number : reads_.active()) {
    const Queue::Bank& bank = reads_.bank(number);
    Cycle other = closes;  // of columns of other rows than the open one
    Cycle from = command;
    if (bank.row) {
      from = std::max(command, bank.key / 2);
      if (bank.kind == Banks::activate) other = opens;
    }
    for (Queue::Index i = bank.oldest; i != none; i = reads_.strand(i).after) {
      const Queue::Entry& entry = reads_.entry(reads_.strand(i).entry);
      const std::uint32_t left = entry.queued + (forwards ? 0 : entry.outside);
      const bool open = !bank.row && reads_.strand(i).row == banks_.open_row(number);
      next = std::min(next, std::max(command + (left - 1) * burst, open ? from : from + other));
      if (next == command) return next;
    }
  }
  return next;
}

Cycle Controller::next() const {
  // Of the commands only those that have been chosen are known; an arrival since then can add an earlier one.
  const Cycle command = std::max(now_, std::min(choice_.at, event_));
  const auto burst = static_cast<Cycle>(timing_.tBURST);
  const Cycle read = latency(false) + burst;
  // One that has not entered may be served from the write queue.
  const bool forwards = writes_.columns() != 0 || backlog_writes_ != 0;
  Cycle next = last_read_after(command, forwards);
  if (next != never) next += read;
  if (front_ != arrivals_.size()) {
    // What waits outside enters after the first of it: at its arrival, or in the cycles after commands that make room.
    // A write is served by entering.
    Cycle enters = std::max(arrivals_[front_].at, now_);
    if (blocked_) {
      const Run& run = arrivals_[front_].run;
      const Queue& q = queue(run.write);
      const std::uint32_t outside = run.end - entering_, room = q.capacity() - q.columns();
      enters = command + 1;
      if (!forwards || run.write) enters += (outside > room ? outside - room - 1 : 0) * burst;
    }
    next = std::min(next, backlog_writes_ != 0 ? enters : enters + read);
  }
  // Writes that wait alone are served already: look again when they can be on the bus.
  if (next == never && writes_.columns() != 0) next = command + latency(true) + writes_.columns() * burst;
  return next;
}

bool Controller::idle() const {
  return front_ == arrivals_.size() && reads_.columns() == 0 && writes_.columns() == 0 && bus_.idle(now_);
}

Statistics Controller::statistics() const {
  DataBus bus = bus_;
  if (now_ > bus.end()) {
    DataBus::Reasons why{.idle = now_};
    const Queue& q = queue(reads_.columns() == 0);
    if (q.columns() != 0) {
      const int bank = q.active().front();
      why = reasons(bank, &q == &writes_, now_);
      if (q.bank(bank).hit == none) why.row = now_;
    }
    bus.account(now_, 0, why);
  }
  return bus.statistics;
}

}  // namespace triad::memory::dram
