#pragma once
#include <string>

#include "models/kit/unit.hpp"
#include "models/memory/backend.hpp"
#include "models/memory/parameters.hpp"
#include "sim/activity/technology.hpp"

namespace triad::memory {

/// Channels with a fixed latency and an equal share of the bandwidth each. A channel serves its part of requests in
/// order of arrival; a request of many rows spreads over the channels by address. No banks, rows, refresh or
/// turnaround: what a memory would be if DRAM cost nothing but its bandwidth.
class Ideal : public Backend {
 public:
  /// `name`: of the memory, which the channels' records carry.
  Ideal(const std::string& name, const Parameters& parameters, activity::Recorder& recorder,
        const activity::Technology& technology);
  void submit(std::uint64_t id, const Request& request, Time arrival) override;
  void advance(Time now, std::vector<Finished>& finished) override;
  Time next() const override { return ~Time{0}; }  // everything is known when it is submitted
  void finish(Time) override {}

 private:
  Completion serve(const Request& request, Time arrival);

  struct Channel {
    kit::Track track;
    int moved;  ///< action: one byte moved
    Time free = 0;
  };
  Parameters parameters_;
  kit::Clock clock_;
  Time latency_, access_time_;  ///< of one access of one channel
  std::vector<Channel> channels_;
  std::vector<std::uint64_t> accesses_;  ///< of the request being served, by channel
  std::vector<Finished> finished_;       ///< served, not told yet
};

}  // namespace triad::memory
