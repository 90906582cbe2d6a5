#include "models/memory/dram_backend.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace triad::memory {

using dram::Cycle;

DramBackend::DramBackend(const std::string& name, const Parameters& parameters, activity::Recorder& recorder,
                         const activity::Technology& technology, bool check)
    : clock_(parameters.clock_hz),
      access_bytes_(parameters.access),
      burst_(static_cast<Cycle>(parameters.dram->timing.tBURST)),
      dram_(*parameters.dram, check) {
  const auto path = static_cast<Time>(std::llround(parameters.latency * 1e15));
  there_ = path / 2;
  back_ = path - there_;
  const dram::Energy& energy = parameters.dram->energy;
  const double moved = 8 * parameters.bit_picojoules(technology);
  const double refresh = parameters.dram->scheduler.refresh == dram::RefreshPolicy::per_bank
                             ? energy.refresh / parameters.dram->organization.banks_per_rank()
                             : energy.refresh;
  for (std::size_t c = 0; c < dram_.controllers().size(); ++c) {
    kit::Track track(recorder, fmt::format("{}.channel{}", name, c), clock_, activity::Resource::memory);
    channels_.emplace_back(track);
    Channel& channel = channels_.back();
    channel.activate = track.add_action("activates", energy.activate);
    channel.read = track.add_action("reads", energy.read);
    channel.write = track.add_action("writes", energy.write);
    channel.refresh = track.add_action("refreshes", refresh);
    channel.moved = track.add_action("bytes_moved", moved);
  }
  due_.assign(channels_.size(), kit::Unit::never);
  recorder.add_static_power(parameters.background_watts());
}

void DramBackend::submit(std::uint64_t id, const Request& request, Time arrival) {
  if (id >= flights_.size()) flights_.resize(id + 1);
  Flight& flight = flights_[id];
  flight = {0, ~Time{0}, 0};
  const Cycle at = clock_.at(arrival + there_);
  std::uint64_t row = request.address;
  for (std::uint64_t r = 0; r < request.rows; ++r, row += static_cast<std::uint64_t>(request.stride)) {
    flight.open += dram_.push(id, row, request.row_bytes, request.write, request.tag, at,
                              [this](int c) { touched_.push_back(static_cast<std::size_t>(c)); });
  }
  for (const std::size_t c : touched_) {
    ++channels_[c].open;
    due_[c] = dram_.controllers()[c].next();
  }
  touched_.clear();
  if (flight.open == 0) nothing_.push_back({id, {arrival + there_ + back_, arrival + there_ + back_}});
}

Time DramBackend::next() const {
  const Cycle due = *std::ranges::min_element(due_);
  return due == kit::Unit::never ? ~Time{0} : clock_.time_of(due) + back_;
}

void DramBackend::advance(Time now, std::vector<Finished>& finished) {
  finished.insert(finished.end(), nothing_.begin(), nothing_.end());
  nothing_.clear();
  // What is submitted later arrives at an edge after now, and takes the way to the controllers.
  const Cycle until = clock_.at(clock_.time_of(clock_.after(now)) + there_);
  const Cycle passed = clock_.at(now);
  // A run that is served before this cycle is there by now.
  const Cycle seen = now < back_ ? 0 : clock_.after(now - back_);
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    if (due_[c] >= seen) continue;
    record_past(channels_[c], passed);
    advance_channel(c, until);
    take_served(channels_[c], finished);
    // Without an open run nobody waits: posted writes can lie in the queue until somebody does, or the run ends.
    due_[c] = channels_[c].open == 0 ? kit::Unit::never : dram_.controllers()[c].next();
  }
}

void DramBackend::advance_channel(std::size_t c, Cycle until) {
  dram::Controller& controller = dram_.controllers()[c];
  Channel& channel = channels_[c];
  const std::size_t before = channel.transfers.size();
  controller.advance(until, served_, channel.transfers);
  count_commands(channel, controller.statistics(), before, until);
}

/// Activates belong to the transfers that they made possible, refreshes to the whole time since the last count.
void DramBackend::count_commands(Channel& channel, const dram::Statistics& now, std::size_t first_transfer,
                                 Cycle until) {
  Cycle from = channel.counted, to = until;
  channel.track.count(channel.refresh, now.refreshes - channel.told.refreshes, from, to);
  channel.track.count(channel.moved, (now.forwarded - channel.told.forwarded) * access_bytes_, from, to);
  if (first_transfer < channel.transfers.size()) {
    from = channel.transfers[first_transfer].from;
    to = channel.transfers.back().to;
  }
  channel.track.count(channel.activate, now.activates - channel.told.activates, from, to);
  channel.told = now;
  channel.counted = until;
}

/// Records the transfers that ended before `now`.
void DramBackend::record_past(Channel& channel, Cycle now) {
  std::size_t past = 0;
  for (; past < channel.transfers.size() && channel.transfers[past].to <= now; ++past) {
    const dram::Transfer& transfer = channel.transfers[past];
    record(channel, transfer, transfer.from, transfer.to);
  }
  channel.transfers.erase(channel.transfers.begin(), channel.transfers.begin() + static_cast<std::ptrdiff_t>(past));
}

void DramBackend::record(Channel& channel, const dram::Transfer& transfer, Cycle from, Cycle to) {
  if (transfer.write) {
    channel.track.posted(transfer.tag, from, to);
  } else {
    channel.track.state(activity::State::busy, transfer.tag, from, to);
  }
  channel.track.count(transfer.write ? channel.write : channel.read, transfer.columns, from, to);
  channel.track.count(channel.moved, transfer.columns * access_bytes_, from, to);
}

void DramBackend::take_served(Channel& channel, std::vector<Finished>& finished) {
  for (const dram::Served& served : served_) {
    Flight& flight = flights_[served.request];
    // A burst is there when it has been on the bus.
    const Cycle first = std::min(served.first + burst_, served.last);
    flight.first = std::min(flight.first, clock_.time_of(first) + back_);
    flight.last = std::max(flight.last, clock_.time_of(served.last) + back_);
    if (--flight.open == 0) finished.push_back({served.request, {flight.first, flight.last}});
  }
  channel.open -= served_.size();
  served_.clear();
}

void DramBackend::finish(Time end) {
  const Cycle last = clock_.at(end);
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    Channel& channel = channels_[c];
    constexpr Cycle a_while = 1024;
    Cycle until = std::max(last, channel.counted);
    for (advance_channel(c, until); !dram_.controllers()[c].idle(); advance_channel(c, until)) until += a_while;
    record_past(channel, last);
    for (const dram::Transfer& transfer : channel.transfers) {
      const Cycle from = std::min(transfer.from, last), to = std::min(transfer.to, last);
      record(channel, transfer, from, to);
    }
    channel.transfers.clear();
  }
}

}  // namespace triad::memory
