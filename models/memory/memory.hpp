#pragma once
#include <functional>
#include <queue>
#include <vector>

#include "models/kit/unit.hpp"
#include "models/memory/contents.hpp"
#include "models/memory/request.hpp"
#include "sim/activity/technology.hpp"
#include "sim/config/node.hpp"

namespace triad::memory {

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
/// requests in order of arrival; a request of many rows spreads over the channels by address. Contents are apart from
/// timing.
///
/// What it does is independent of the order in which processes run in one instant: a request arrives at the memory's
/// first edge after it was accepted, those that arrive at one edge are served by number of requester, and whether one
/// is accepted depends on what was in flight when the instant began and on what its own requester offered since.
class Memory : public kit::Unit {
 public:
  using Handler = std::function<void(const Completion&)>;
  Memory(const sc_core::sc_module_name& name, const Parameters& parameters, activity::Recorder& recorder,
         const activity::Technology& technology);

  /// Takes a request, if a credit is free: false otherwise (the listeners are woken when one is freed). A credit that
  /// is freed in an instant can be used after it. Requesters that offer in the same instant do not see one another;
  /// what they offer beyond the credits waits, in order of arrival. `done` is called at the time of the request's last
  /// byte. The requester moves the contents itself, at that time.
  bool accept(const Request& request, Handler done);
  /// A unit that wants to be woken after a refusal, in its first cycle after a credit is freed.
  void add_listener(kit::Unit& unit) { listeners_.push_back(&unit); }

  Contents& contents() { return contents_; }
  const Parameters& parameters() const { return parameters_; }
  std::uint64_t read_bytes() const { return read_bytes_; }  ///< asked for, without what whole accesses move beyond
  std::uint64_t written_bytes() const { return written_bytes_; }
  std::string waits_for() const override { return {}; }  // a request in flight is always pending

 private:
  void step() override;
  void begin_instant();
  void serve_offers();
  Completion serve(const Request& request, Time arrival);
  void wake_listeners();

  struct Offer {
    Time arrival;
    Request request;
    Handler done;
  };
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
  std::vector<Offer> offers_;            ///< accepted, not yet served; by arrival, then requester
  std::priority_queue<Pending, std::vector<Pending>, std::greater<>> pending_;
  std::uint64_t order_ = 0;
  std::vector<kit::Unit*> listeners_;
  bool refused_ = false;  ///< somebody, since the listeners were woken
  /// The instant to which the counts below belong, and the first edge after it.
  Time instant_ = ~Time{0}, next_edge_ = 0;
  std::size_t in_flight_ = 0;         ///< when the instant began: accepted, not yet complete
  std::size_t freed_ = 0;             ///< completions in the instant
  std::vector<std::size_t> offered_;  ///< in the instant, by requester
  std::uint64_t read_bytes_ = 0, written_bytes_ = 0;
};

}  // namespace triad::memory
