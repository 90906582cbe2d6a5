#include "models/memory/memory.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "models/kit/outcome.hpp"

namespace triad::memory {

using config::Quantity;

Parameters Parameters::read(const config::Node& node) {
  Parameters p;
  p.clock_hz = kit::read_clock(node.at("clock"));
  p.channels = static_cast<int>(node.at("channels").integer(1, 1024));
  p.bandwidth = node.at("bandwidth").quantity(Quantity::bandwidth);
  p.latency = node.at("latency").quantity(Quantity::time);
  p.interleave = static_cast<std::uint64_t>(node.at("interleave").quantity(Quantity::bytes));
  p.access = static_cast<std::uint64_t>(node.at("access").quantity(Quantity::bytes));
  p.credits = static_cast<int>(node.at("credits").integer(1, 1 << 20));
  p.capacity = static_cast<std::uint64_t>(node.at("capacity").quantity(Quantity::bytes));
  p.energy = node.at("energy").text();
  if (!std::has_single_bit(p.access)) node.at("access").fail("must be a power of two");
  if (!std::has_single_bit(p.interleave) || p.interleave < p.access) {
    node.at("interleave").fail(fmt::format("must be a power of two and at least access ({} B)", p.access));
  }
  return p;
}

std::vector<std::pair<std::string, std::string>> Parameters::describe() const {
  return {{"memory capacity", fmt::format("{:.4g} GiB", static_cast<double>(capacity) / (1ull << 30))},
          {"memory bandwidth", fmt::format("{:.4g} GB/s", bandwidth / 1e9)},
          {"memory latency", fmt::format("{:.4g} ns", latency * 1e9)},
          {"memory channels", fmt::format("{} x {} B accesses, {} B interleave", channels, access, interleave)},
          {"memory requests in flight", std::to_string(credits)}};
}

Memory::Memory(const sc_core::sc_module_name& name, const Parameters& parameters, activity::Recorder& recorder,
               const activity::Technology& technology)
    : Unit(name, kit::Clock(parameters.clock_hz)),
      parameters_(parameters),
      latency_(static_cast<Time>(std::llround(parameters.latency * 1e15))),
      access_time_(static_cast<Time>(
          std::llround(static_cast<double>(parameters.access * static_cast<std::uint64_t>(parameters.channels)) /
                       parameters.bandwidth * 1e15))),
      accesses_(static_cast<std::size_t>(parameters.channels)) {
  for (int c = 0; c < parameters.channels; ++c) {
    kit::Track track(recorder, fmt::format("{}.channel{}", static_cast<const char*>(name), c), clock(),
                     activity::Resource::memory);
    const int moved = track.add_action("bytes_moved", 8 * technology.picojoules(parameters.energy));
    channels_.push_back({track, moved, 0});
  }
}

void Memory::begin_instant() {
  if (instant_ == kit::now()) return;
  instant_ = kit::now();
  next_edge_ = clock().time_of(clock().after(instant_));
  in_flight_ = offers_.size() + pending_.size();
  freed_ = 0;
  std::fill(offered_.begin(), offered_.end(), 0);
}

bool Memory::accept(const Request& request, Handler done) {
  begin_instant();
  const auto requester = static_cast<std::size_t>(request.requester);
  if (requester >= offered_.size()) offered_.resize(requester + 1);
  if (in_flight_ + offered_[requester] >= static_cast<std::size_t>(parameters_.credits)) {
    refused_ = true;
    if (freed_ > 0) wake_listeners();
    return false;
  }
  ++offered_[requester];
  // Behind what arrives no later, of requesters no higher: nearly always at the end.
  auto place = offers_.end();
  while (place != offers_.begin() && std::prev(place)->arrival == next_edge_ &&
         std::prev(place)->request.requester > request.requester) {
    --place;
  }
  offers_.insert(place, {next_edge_, request, std::move(done)});
  wake_at_time(next_edge_);
  return true;
}

Completion Memory::serve(const Request& request, Time arrival) {
  // How many whole accesses of each channel the rows touch. Full turns over all channels are counted at once.
  const std::uint64_t channels = channels_.size(), turn = channels * parameters_.interleave;
  const std::uint64_t per_interleave = parameters_.interleave / parameters_.access;
  std::fill(accesses_.begin(), accesses_.end(), 0);
  for (std::uint64_t row = 0; row < request.rows; ++row) {
    std::uint64_t at = request.address + static_cast<std::uint64_t>(static_cast<std::int64_t>(row) * request.stride);
    std::uint64_t end = (at + request.row_bytes + parameters_.access - 1) / parameters_.access * parameters_.access;
    at = at / parameters_.access * parameters_.access;
    const std::uint64_t turns = (end - at) / turn;
    if (turns > 0) {
      for (std::uint64_t& n : accesses_) n += turns * per_interleave;
      at += turns * turn;
    }
    while (at < end) {
      const std::uint64_t next = std::min(end, (at / parameters_.interleave + 1) * parameters_.interleave);
      accesses_[at / parameters_.interleave % channels] += (next - at) / parameters_.access;
      at = next;
    }
  }
  const Time arrived = arrival + latency_;
  Time first = ~Time{0}, last = arrived;
  for (std::size_t c = 0; c < channels_.size(); ++c) {
    if (accesses_[c] == 0) continue;
    Channel& channel = channels_[c];
    const Time begin = std::max(arrived, channel.free);
    channel.free = begin + accesses_[c] * access_time_;
    const Cycle from = clock().at(begin), to = clock().at(channel.free);
    channel.track.state(activity::State::busy, request.tag, from, to);
    channel.track.count(channel.moved, accesses_[c] * parameters_.access, from, to);
    first = std::min(first, begin + access_time_);
    last = std::max(last, channel.free);
  }
  return {std::min(first, last), last};
}

/// At an edge: serves what has arrived, as far as there are credits.
void Memory::serve_offers() {
  // A credit that was freed in this instant is still in use.
  const std::size_t used = pending_.size() + freed_;
  const std::size_t free = static_cast<std::size_t>(parameters_.credits) - used;
  std::size_t served = 0;
  for (; served < offers_.size() && served < free && offers_[served].arrival <= instant_; ++served) {
    Offer& offer = offers_[served];
    const Completion completion = serve(offer.request, instant_);
    (offer.request.write ? written_bytes_ : read_bytes_) += offer.request.bytes();
    pending_.push({completion.last, order_++, completion, std::move(offer.done)});
  }
  offers_.erase(offers_.begin(), offers_.begin() + static_cast<std::ptrdiff_t>(served));
}

void Memory::wake_listeners() {
  for (kit::Unit* unit : listeners_) unit->wake_at(unit->clock().after(instant_));
  refused_ = false;
}

void Memory::step() {
  begin_instant();
  const auto arrived = [&] { return !offers_.empty() && offers_.front().arrival <= instant_; };
  // Completions are not at edges.
  if (arrived() && clock().time_of(clock().at(instant_)) == instant_) serve_offers();
  while (!pending_.empty() && pending_.top().at <= instant_) {
    const Pending next = std::move(const_cast<Pending&>(pending_.top()));
    pending_.pop();
    ++freed_;
    next.done(next.completion);
  }
  if (freed_ > 0 && refused_) wake_listeners();
  if (freed_ > 0 && arrived()) wake_at_time(next_edge_);
  if (!pending_.empty()) wake_at_time(pending_.top().at);
}

}  // namespace triad::memory
