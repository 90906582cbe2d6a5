#include "models/memory/study/driver.hpp"

#include <algorithm>

namespace triad::memory::study {

namespace {

void add(dram::Statistics& sum, const dram::Statistics& one) {
  sum.activates += one.activates;
  sum.precharges += one.precharges;
  sum.reads += one.reads;
  sum.writes += one.writes;
  sum.refreshes += one.refreshes;
  sum.forwarded += one.forwarded;
  sum.reading += one.reading;
  sum.writing += one.writing;
  sum.refreshing += one.refreshing;
  sum.row += one.row;
  sum.turnaround += one.turnaround;
  sum.bank_group += one.bank_group;
  sum.command += one.command;
  sum.idle += one.idle;
}

constexpr Cycle never = ~Cycle{0};
constexpr std::uint64_t ahead = 256;        // columns pushed ahead of time, for each controller
constexpr std::uint64_t most_ahead = 1024;  // requests in flight, for each controller, when some of them run dry
constexpr Cycle shortest = 64;              // cycles of a step while some controller has less than that ahead

}  // namespace

Driver::Driver(const dram::Parameters& parameters, const device::Traffic& traffic)
    : parameters_(parameters),
      traffic_(traffic),
      log_(parameters, traffic.commands_out),
      dram_(parameters, traffic.check, [this](int controller) { return log_.observer(controller); }),
      source_(make_source(traffic, parameters.organization.capacity())) {}

/// Sends the next request, `now` or when its cycle comes.
bool Driver::send(Cycle now) {
  const auto access = ended_ ? std::nullopt : source_->next();
  if (!access) {
    ended_ = true;
    return false;
  }
  timed_ = access->cycle.has_value();
  sent_ = std::max({sent_, now, access->cycle.value_or(0)});
  if (traffic_.requests_out != nullptr) *traffic_.requests_out << line_of(*access);
  const std::uint64_t number = first_ + flights_.size();
  // With a limit a request is sent when it gets its place, else when its cycle comes or (later) a queue takes it.
  const Cycle begin = traffic_.outstanding ? sent_ : timed_ ? *access->cycle : never;
  const std::uint64_t runs = dram_.push(number, access->address, traffic_.bytes, access->write, {}, sent_);
  flights_.push_back({begin, 0, runs, access->write});
  ++in_flight_;
  return true;
}

std::uint64_t Driver::least_backlog() {
  std::uint64_t least = never;
  for (const dram::Controller& controller : dram_.controllers()) least = std::min(least, controller.backlog());
  return least;
}

/// Nothing can be served before it but what is known.
Cycle Driver::bound() {
  Cycle least = never;
  for (const dram::Controller& controller : dram_.controllers()) least = std::min(least, controller.next());
  return least;
}

void Driver::take(const dram::Served& served) {
  Flight& flight = flights_[served.request - first_];
  if (!traffic_.outstanding && !timed_) flight.begin = std::min(flight.begin, served.entered);
  flight.last = std::max(flight.last, served.last);
  if (--flight.runs > 0) return;
  (flight.write ? writes_ : reads_).add(flight.last - flight.begin);
  if (traffic_.outstanding) completions_.push(flight.last);
  end_ = std::max(end_, flight.last);
  --in_flight_;
  ++served_;
  while (!flights_.empty() && flights_.front().runs == 0) flights_.pop_front(), ++first_;
  constexpr std::uint64_t often = 1u << 15;
  if (served_ % often == 0 && traffic_.progress) traffic_.progress(served_);
}

void Driver::advance(Cycle until) {
  for (dram::Controller& controller : dram_.controllers()) controller.advance(until, finished_, transfers_);
  for (const dram::Served& served : finished_) take(served);
  for (const dram::Transfer& transfer : transfers_) end_ = std::max(end_, transfer.to);
  finished_.clear();
  transfers_.clear();
  log_.flush(until);
  now_ = until;
}

void Driver::fill() {
  const std::uint64_t most = most_ahead * dram_.controllers().size();
  if (timed_) {
    if (in_flight_ > most / 2) return;
    while (in_flight_ < most && send(now_)) {
    }
    return;
  }
  const std::size_t batch = 8 * dram_.controllers().size();
  while (!ended_ && in_flight_ < most && least_backlog() < ahead) {
    for (std::size_t i = 0; i < batch && send(now_); ++i) {
    }
  }
}

void Driver::stream() {
  send(0);  // the first one says whether the source is timed
  fill();
  while (!ended_) {
    // What has not been pushed arrives at sent_ or later. Past that cycle it only joins a backlog, of which no
    // controller works off more than a column a cycle.
    advance(sent_ > now_ ? sent_ : now_ + std::max<Cycle>(shortest, least_backlog()));
    fill();
  }
}

void Driver::limited(std::uint64_t places) {
  for (std::uint64_t i = 0; i < places && send(0); ++i) {
  }
  while (in_flight_ > 0 || !completions_.empty()) {
    const Cycle known = bound();
    if (!completions_.empty() && completions_.top() <= known) {
      const Cycle free = std::max(completions_.top(), now_);
      completions_.pop();
      send(free);
    } else {
      advance(std::max(known, now_ + 1));
    }
  }
}

/// Everything that is queued leaves, also writes.
void Driver::finish() {
  while (true) {
    std::uint64_t backlog = 0;
    for (const dram::Controller& controller : dram_.controllers()) backlog = std::max(backlog, controller.backlog());
    const Cycle next = bound();
    if (next == never) break;
    advance(std::max({next, now_ + 1, now_ + backlog}));
  }
  // The last transfer is told when its end has passed.
  Cycle moved = now_;
  for (const dram::Controller& controller : dram_.controllers()) {
    moved = std::max<Cycle>(moved, controller.statistics().cycles());
  }
  advance(moved + 1);
}

device::TrafficResult Driver::run() {
  if (traffic_.outstanding) {
    limited(*traffic_.outstanding);
  } else {
    stream();
  }
  finish();
  return result();
}

device::TrafficResult Driver::result() {
  const dram::Organization& organization = parameters_.organization;
  device::TrafficResult result;
  result.clock_hz = static_cast<double>(parameters_.clock_hz);
  result.cycles = end_;
  result.channels = organization.controllers();
  result.peak_bytes_per_second = parameters_.peak_bandwidth();
  result.read = reads_.figures();
  result.write = writes_.figures();
  result.bytes = (result.read.requests + result.write.requests) * traffic_.bytes;
  result.timed = timed_ || traffic_.outstanding;

  dram::Statistics sum;
  for (const dram::Controller& controller : dram_.controllers()) add(sum, controller.statistics());
  sum.idle -= (now_ - end_) * dram_.controllers().size();  // after the end
  result.forwarded = sum.forwarded;
  result.moved_bytes = (sum.reads + sum.writes) * organization.access_bytes();
  result.commands = {{"activate", sum.activates},
                     {"precharge", sum.precharges},
                     {"read", sum.reads},
                     {"write", sum.writes},
                     {"refresh", sum.refreshes}};
  result.bus_cycles = {
      {"reading", sum.reading},       {"writing", sum.writing},       {"refresh", sum.refreshing}, {"row", sum.row},
      {"turnaround", sum.turnaround}, {"bank_group", sum.bank_group}, {"command", sum.command},    {"idle", sum.idle}};
  if (const std::uint64_t columns = sum.reads + sum.writes; columns > 0) {
    result.row_hit_rate = std::max(0.0, 1 - static_cast<double>(sum.activates) / static_cast<double>(columns));
  }
  const dram::Energy& energy = parameters_.energy;
  const bool per_bank = parameters_.scheduler.refresh == dram::RefreshPolicy::per_bank;
  const double refresh = energy.refresh / (per_bank ? organization.banks_per_rank() : 1);
  constexpr double pico = 1e-12;
  result.energy_joules = {{"activate", static_cast<double>(sum.activates) * energy.activate * pico},
                          {"read", static_cast<double>(sum.reads) * energy.read * pico},
                          {"write", static_cast<double>(sum.writes) * energy.write * pico},
                          {"refresh", static_cast<double>(sum.refreshes) * refresh * pico},
                          {"background", energy.background_watts * organization.controllers() * result.seconds()}};
  return result;
}

}  // namespace triad::memory::study
