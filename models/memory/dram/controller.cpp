#include "models/memory/dram/controller.hpp"

#include <algorithm>
#include <stdexcept>

namespace triad::memory::dram {

Controller::Controller(const Parameters& parameters, int slot, Observer* observer)
    : timing_(parameters.timing),
      scheduler_(parameters.scheduler),
      banks_per_rank_(parameters.organization.banks_per_rank()),
      banks_per_group_(parameters.organization.banks),
      slot_(static_cast<Cycle>(slot)),
      slots_(static_cast<Cycle>(parameters.organization.pseudo_channels)),
      observer_(observer),
      banks_(parameters),
      reads_(parameters.organization.all_banks(), parameters.scheduler.read_queue),
      writes_(parameters.organization.all_banks(), parameters.scheduler.write_queue),
      refresh_(parameters),
      bus_(parameters.timing.tBURST),
      activated_(static_cast<std::size_t>(parameters.organization.all_banks())),
      refreshed_(static_cast<std::size_t>(parameters.organization.all_banks())),
      group_free_(static_cast<std::size_t>(parameters.organization.ranks * parameters.organization.bank_groups)) {}

void Controller::push(const Run& run, Cycle arrival) {
  if (run.columns() == 0) throw std::logic_error("a run without columns");
  if (arrival < now_ || (front_ != arrivals_.size() && arrival < arrivals_.back().at)) {
    throw std::logic_error("a run arrives in a DRAM controller's past");
  }
  if (front_ == arrivals_.size()) {
    arrivals_.clear();
    front_ = 0;
    entering_ = run.begin;
  } else if (front_ == arrivals_.capacity() / 2 && arrivals_.size() == arrivals_.capacity()) {
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
      settle_mode();
      find_starved();
    }
    if (now_ >= until) break;
    const Choice choice = choose();
    const Cycle stop = std::min(until, next_event());
    if (choice.at >= stop) {
      now_ = stop;
    } else {
      now_ = choice.at;
      issue(choice, stop);
    }
  }
  next_command_ = std::min(choose().at, starves_);
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
  const std::uint8_t bank = run.banks[entering_ % run.ways];
  if (other.columns() != 0 && other.holds(bank, run.row, entering_ / run.ways)) {
    if (run.write) return false;  // an older read of the column waits
    Queue::Entry& entry = q.entry(entering_entry_);
    q.pass(entering_entry_);
    const Cycle first = now_ + latency(false), last = first + static_cast<Cycle>(timing_.tBURST);
    entry.first = std::min(entry.first, first);
    entry.last = std::max(entry.last, last);
    ++bus_.statistics.forwarded;
    return true;
  }
  if (reads_.columns() + writes_.columns() == 0) busy_since_ = now_;
  q.add(entering_entry_, run, entering_, banks_.open_row(bank), now_);
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

Cycle Controller::next() const {
  const Cycle command = std::max(now_, next_command_);
  const Cycle read = latency(false) + static_cast<Cycle>(timing_.tBURST);
  Cycle next = never;
  if (reads_.columns() != 0) next = command + read;
  if (front_ != arrivals_.size()) {
    // What waits outside enters when the first of it does: at its arrival, or in the cycle after a command that made
    // room. A write is served by entering.
    const Cycle enters = blocked_ ? command + 1 : std::max(arrivals_[front_].at, now_);
    next = std::min(next, backlog_writes_ != 0 ? enters : enters + read);
  }
  // Writes that wait alone are served already: look again when they can be on the bus.
  if (next == never && writes_.columns() != 0) {
    next = command + latency(true) + writes_.columns() * static_cast<Cycle>(timing_.tBURST);
  }
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
