#pragma once
#include <string>

#include "models/kit/unit.hpp"
#include "models/memory/backend.hpp"
#include "models/memory/dram/dram.hpp"
#include "models/memory/parameters.hpp"
#include "sim/activity/technology.hpp"

namespace triad::memory {

/// DRAM behind a path: half of Parameters::latency before the controllers, half after them.
///
/// A controller is only advanced when one of its completions may be due, and then to the cycle that a request of the
/// next edge could reach: later requests change nothing before it. What it does there is recorded once time has passed
/// it, so that a run may end before.
class DramBackend : public Backend {
 public:
  /// `name`: of the memory, which the channels' records carry. `check`: a dram::Checker watches every channel.
  DramBackend(const std::string& name, const Parameters& parameters, activity::Recorder& recorder,
              const activity::Technology& technology, bool check);
  void submit(std::uint64_t id, const Request& request, Time arrival) override;
  void advance(Time now, std::vector<Finished>& finished) override;
  Time next() const override;
  /// Posted writes that are still queued move within the run's last cycle: their energy counts, the run is no longer.
  void finish(Time end) override;

 private:
  struct Channel {
    explicit Channel(const kit::Track& track) : track(track) {}
    kit::Track track;
    int activate = 0, read = 0, write = 0, refresh = 0, moved = 0;  ///< actions
    std::uint64_t open = 0;                                         ///< runs that are not served
    dram::Cycle counted = 0;                                        ///< commands before this cycle are counted
    dram::Statistics told;                                          ///< ... that is, these
    std::vector<dram::Transfer> transfers;                          ///< not recorded yet: time had not passed them
  };
  /// A request under way.
  struct Flight {
    std::uint64_t open = 0;  ///< runs that are not served
    Time first = 0, last = 0;
  };
  void advance_channel(std::size_t c, dram::Cycle until);
  void count_commands(Channel& channel, const dram::Statistics& now, std::size_t first_transfer, dram::Cycle until);
  void record_past(Channel& channel, dram::Cycle now);
  void record(Channel& channel, const dram::Transfer& transfer, dram::Cycle from, dram::Cycle to);
  void take_served(Channel& channel, std::vector<Finished>& finished);

  kit::Clock clock_;
  std::uint64_t access_bytes_;
  dram::Cycle burst_;  ///< cycles of a burst on the data bus
  Time there_ = 0, back_ = 0;
  dram::Dram dram_;
  std::vector<Channel> channels_;
  std::vector<dram::Cycle> due_;  ///< of each channel: when its next run may be served
  std::vector<Flight> flights_;   ///< by the request's number
  std::vector<dram::Served> served_;
  std::vector<Finished> nothing_;     ///< requests of no byte, not told yet
  std::vector<std::size_t> touched_;  ///< the channels of the runs of the request being submitted
};

}  // namespace triad::memory
