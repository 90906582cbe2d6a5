#pragma once
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/node.hpp"

/// A memory by itself, without a machine around it: what is asked of it, and what it did.
namespace triad::device {

/// Requests to a memory: a pattern, or a trace. They are sent in order.
struct Traffic {
  enum class Pattern { sequential, random, strided };
  Pattern pattern = Pattern::sequential;
  /// How many; of a trace: at most, all of it when empty.
  std::optional<std::uint64_t> requests;
  std::uint64_t bytes = 64;             ///< of a request
  std::uint64_t stride = 8192;          ///< bytes from the begin of one request to that of the next (strided)
  std::uint32_t reads = 1, writes = 0;  ///< their ratio; which one a request is, is drawn
  std::uint64_t seed = 1;
  /// Requests in flight at the most; empty: what the memory's queues take, each channel's a stream of its own.
  std::optional<std::uint64_t> outstanding;
  /// Cycles from one request to the next; empty: as soon as there is room. Of a trace with cycles: they say when.
  std::optional<std::uint64_t> interval;

  std::istream* trace = nullptr;  ///< in place of the pattern
  std::string trace_name;         ///< what errors call it
  bool wrap = false;              ///< addresses beyond the capacity fold into it; else they are an error

  bool check = false;                    ///< hold every command to the standard's timing; device::Fault where it is not
  std::ostream* requests_out = nullptr;  ///< the requests, as a trace
  std::ostream* commands_out = nullptr;  ///< every command, CSV under a line of names
  std::function<void(std::uint64_t served)> progress;  ///< called now and then
};

/// How long requests took, in cycles of the memory's clock. A percentile is the shortest latency within which so many
/// of the requests were served (nearest rank).
struct Latency {
  std::uint64_t requests = 0;
  double mean = 0;
  std::uint64_t least = 0, median = 0, p95 = 0, p99 = 0, most = 0;
};

/// What a memory did with its traffic.
struct TrafficResult {
  std::string organization;  ///< in words: "1 channel x 64 bit, 1 rank, ..."
  double clock_hz = 0;
  std::uint64_t cycles = 0;  ///< from the first request to the last byte moved
  int channels = 0;          ///< data buses: channels, or pseudo channels where there are some
  double peak_bytes_per_second = 0;

  std::uint64_t read_requests = 0, write_requests = 0;
  std::uint64_t bytes = 0;        ///< asked for
  std::uint64_t moved_bytes = 0;  ///< on the data buses: whole bursts, without what was served from the write queue
  std::uint64_t forwarded = 0;    ///< bursts read from the write queue
  /// A read: from when it was sent until its last byte was there; a write: until its last byte was in the write queue.
  /// Sent is when its cycle had come, when a place in flight was free (outstanding), else when a queue took it.
  Latency read, write;
  bool timed = false;  ///< requests had a time of their own, or a limit in flight: `sent` includes waiting for a queue

  std::vector<std::pair<std::string, std::uint64_t>> commands;    ///< by name
  std::vector<std::pair<std::string, std::uint64_t>> bus_cycles;  ///< what each data bus did; sums to cycles * channels
  double row_hit_rate = 0;  ///< 1 - activates / bursts; 0 where rows closed unused make it less
  std::vector<std::pair<std::string, double>> energy_joules;  ///< by cause

  double seconds() const { return static_cast<double>(cycles) / clock_hz; }
  double bytes_per_second() const { return static_cast<double>(bytes) / seconds(); }
  double energy() const {
    double sum = 0;
    for (const auto& part : energy_joules) sum += part.second;
    return sum;
  }
  double joules_per_bit() const { return energy() / (8 * static_cast<double>(bytes)); }
};

/// A configured memory. Holds parameters only; simulated state exists inside run().
class Memory {
 public:
  virtual ~Memory() = default;
  /// Rows for `triad describe`.
  virtual std::vector<std::pair<std::string, std::string>> describe() const = 0;
  /// Throws config::Error about the traffic, Fault when the run finds one.
  virtual TrafficResult run(const Traffic& traffic) const = 0;
};

/// Reads a configuration of configs/memory.
using MakeMemory = std::unique_ptr<Memory> (*)(const config::Node& configuration);

}  // namespace triad::device
