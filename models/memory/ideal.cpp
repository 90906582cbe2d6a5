#include "models/memory/ideal.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace triad::memory {

Ideal::Ideal(const std::string& name, const Parameters& parameters, activity::Recorder& recorder,
             const activity::Technology& technology)
    : parameters_(parameters),
      clock_(parameters.clock_hz),
      latency_(static_cast<Time>(std::llround(parameters.latency * 1e15))),
      access_time_(static_cast<Time>(
          std::llround(static_cast<double>(parameters.access * static_cast<std::uint64_t>(parameters.channels)) /
                       parameters.bandwidth * 1e15))),
      accesses_(static_cast<std::size_t>(parameters.channels)) {
  const double picojoules = 8 * parameters.bit_picojoules(technology);
  for (int c = 0; c < parameters.channels; ++c) {
    kit::Track track(recorder, fmt::format("{}.channel{}", name, c), clock_, activity::Resource::memory);
    const int moved = track.add_action("bytes_moved", picojoules);
    channels_.push_back({track, moved, 0});
  }
}

void Ideal::submit(std::uint64_t id, const Request& request, Time arrival) {
  finished_.push_back({id, serve(request, arrival)});
}

void Ideal::advance(Time, std::vector<Finished>& finished) {
  finished.insert(finished.end(), finished_.begin(), finished_.end());
  finished_.clear();
}

Completion Ideal::serve(const Request& request, Time arrival) {
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
    const Cycle from = clock_.at(begin), to = clock_.at(channel.free);
    channel.track.state(activity::State::busy, request.tag, from, to);
    channel.track.count(channel.moved, accesses_[c] * parameters_.access, from, to);
    first = std::min(first, begin + access_time_);
    last = std::max(last, channel.free);
  }
  return {std::min(first, last), last};
}

}  // namespace triad::memory
