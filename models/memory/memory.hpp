#pragma once
#include <functional>
#include <queue>
#include <vector>

#include "models/kit/unit.hpp"
#include "models/memory/contents.hpp"
#include "sim/activity/technology.hpp"
#include "sim/config/node.hpp"

namespace triad::memory {

using kit::Cycle;
using kit::Time;

/// A strided range: `rows` rows of `row_bytes` bytes, `stride` bytes from the begin of one row to that of the next.
struct Request {
  std::uint64_t address = 0;
  std::uint64_t row_bytes = 0, rows = 1;
  std::int64_t stride = 0;
  bool write = false;
  activity::Tag tag = {};
  std::uint64_t bytes() const { return row_bytes * rows; }
};

/// Which bytes of a request were ready (read) or taken (write) by when: byte b, counted in order of rows, at
/// first + (last - first) * b / bytes.
struct Completion {
  Time first = 0, last = 0;
};

/// Parameters, under `memory:` of a device's configuration; every one is required.
struct Parameters {
  std::uint64_t clock_hz = 0;  ///< of the channels; cycle stacks are reported in it
  int channels = 1;
  double bandwidth = 0;            ///< bytes per second, all channels together
  double latency = 0;              ///< seconds from acceptance to the first byte, unloaded
  std::uint64_t interleave = 256;  ///< bytes that lie in one channel before the next one's turn; a power of two
  std::uint64_t access = 32;   ///< bytes of a channel's smallest transfer: a shorter or unaligned row moves whole ones
  int credits = 0;             ///< requests in flight; at the limit none is accepted
  std::uint64_t capacity = 0;  ///< bytes
  std::string energy;          ///< action of the technology: energy of one bit moved, "hbm2_bit"
  static Parameters read(const config::Node& node);
  /// Rows for `triad describe`.
  std::vector<std::pair<std::string, std::string>> describe() const;
};

/// Device memory: channels with a fixed latency and an equal share of the bandwidth each. A channel serves its part of
/// requests in order of acceptance; a request of many rows spreads over the channels by address. Contents are apart
/// from timing.
class Memory : public kit::Unit {
 public:
  using Handler = std::function<void(const Completion&)>;
  Memory(const sc_core::sc_module_name& name, const Parameters& parameters, activity::Recorder& recorder,
         const activity::Technology& technology);

  /// Takes a request now, if a credit is free: false otherwise (the listeners are woken when one is freed). `done` is
  /// called at the time of the request's last byte. The requester moves the contents itself, at that time.
  bool accept(const Request& request, Handler done);
  /// A unit that wants to be woken, in the first cycle after, when a credit is freed.
  void add_listener(kit::Unit& unit) { listeners_.push_back(&unit); }

  Contents& contents() { return contents_; }
  const Parameters& parameters() const { return parameters_; }
  std::uint64_t read_bytes() const { return read_bytes_; }  ///< asked for, without what whole accesses move beyond
  std::uint64_t written_bytes() const { return written_bytes_; }
  std::string waits_for() const override { return {}; }  // a request in flight is always pending

 private:
  void step() override;
  Completion serve(const Request& request);

  struct Pending {
    Time at;
    std::uint64_t order;
    Completion completion;
    Handler done;
    bool operator>(const Pending& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  struct Channel {
    kit::Track track;
    int moved;  ///< action: one byte moved
    Time free = 0;
  };
  Parameters parameters_;
  Time latency_, access_time_;  ///< of one access of one channel
  Contents contents_;
  std::vector<Channel> channels_;
  std::vector<std::uint64_t> accesses_;  ///< of the request being served, by channel
  std::priority_queue<Pending, std::vector<Pending>, std::greater<>> pending_;
  std::uint64_t order_ = 0;
  std::vector<kit::Unit*> listeners_;
  std::uint64_t read_bytes_ = 0, written_bytes_ = 0;
};

}  // namespace triad::memory
