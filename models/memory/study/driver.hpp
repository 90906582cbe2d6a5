#pragma once
#include <deque>
#include <queue>
#include <vector>

#include "models/memory/dram/dram.hpp"
#include "models/memory/study/latencies.hpp"
#include "models/memory/study/source.hpp"

namespace triad::memory::study {

/// Writes every command of all controllers, in order of cycle, then of controller: CSV under a line of names.
class CommandLog {
 public:
  CommandLog(const dram::Parameters& parameters, std::ostream* out);
  /// What the controller of that number tells its commands; null where nothing is to be written.
  dram::Observer* observer(int controller);
  /// Every command before that cycle is known.
  void flush(Cycle before);

 private:
  struct Entry {
    dram::Issued issued;
    int controller;
  };
  struct Tap : dram::Observer {
    Tap(std::vector<Entry>& entries, int controller) : entries(entries), controller(controller) {}
    void command(const dram::Issued& issued) override { entries.push_back({issued, controller}); }
    std::vector<Entry>& entries;
    int controller;
  };
  dram::Organization organization_;
  std::ostream* out_;
  std::vector<Entry> entries_;
  std::deque<Tap> taps_;
};

/// Sends traffic to a DRAM and counts what became of it. One run each.
///
/// Without a limit in flight every channel takes its requests in order, as soon as its queues have room: requests are
/// pushed so far ahead of time that no controller runs dry (a controller takes a column a cycle at the most). With a
/// limit the next request is sent in the cycle in which one completes. Memory in use is bounded by the requests in
/// flight.
class Driver {
 public:
  Driver(const dram::Parameters& parameters, const device::Traffic& traffic);
  device::TrafficResult run();

 private:
  struct Flight {
    Cycle begin, last = 0;
    std::uint64_t runs;  ///< not yet served
    bool write;
  };
  bool send(Cycle now);
  void fill();
  void stream();
  void limited(std::uint64_t places);
  void finish();
  void advance(Cycle until);
  void take(const dram::Served& served);
  Cycle bound();
  std::uint64_t least_backlog();
  device::TrafficResult result();

  const dram::Parameters& parameters_;
  const device::Traffic& traffic_;
  CommandLog log_;
  dram::Dram dram_;
  std::unique_ptr<Source> source_;
  bool ended_ = false;  // the source has no more
  bool timed_ = false;  // requests have cycles
  Cycle now_ = 0;       // every command before it has been issued
  Cycle sent_ = 0;      // cycle of the last request
  Cycle end_ = 0;       // the last byte moved, or the last request served
  std::deque<Flight> flights_;
  std::uint64_t first_ = 0;      // number of the request at the front of flights_
  std::uint64_t in_flight_ = 0;  // of flights_, those that are not served
  std::uint64_t served_ = 0;
  /// With a limit in flight: the cycles of completions whose places have not been given away.
  std::priority_queue<Cycle, std::vector<Cycle>, std::greater<>> completions_;
  std::vector<dram::Served> finished_;
  std::vector<dram::Transfer> transfers_;
  Latencies reads_, writes_;
};

}  // namespace triad::memory::study
