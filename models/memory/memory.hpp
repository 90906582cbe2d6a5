#pragma once
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "models/kit/unit.hpp"
#include "models/memory/backend.hpp"
#include "models/memory/contents.hpp"
#include "models/memory/parameters.hpp"
#include "sim/activity/technology.hpp"

namespace triad::memory {

/// Device memory: takes requests against credits, has a backend say when their bytes are there, and tells. Contents are
/// apart from timing.
///
/// What it does is independent of the order in which processes run in one instant: a request arrives at the memory's
/// first edge after it was accepted, those that arrive at one edge are served by number of requester, and whether one
/// is accepted depends on what was in flight when the instant began and on what its own requester offered since.
class Memory : public kit::Unit {
 public:
  using Handler = std::function<void(const Completion&)>;
  /// With the backend that the parameters ask for. `check` (and debug builds): whatever the DRAM does is held to its
  /// standard.
  Memory(const sc_core::sc_module_name& name, const Parameters& parameters, activity::Recorder& recorder,
         const activity::Technology& technology, bool check);
  /// With a backend of the caller's.
  Memory(const sc_core::sc_module_name& name, const Parameters& parameters, std::unique_ptr<Backend> backend);

  /// Takes a request, if a credit is free: false otherwise (the listeners are woken when one is freed). A credit that
  /// is freed in an instant can be used after it. Requesters that offer in the same instant do not see one another;
  /// what they offer beyond the credits waits, in order of arrival. `done` is called at the time of the request's last
  /// byte. The requester moves the contents itself, at that time.
  bool accept(const Request& request, Handler done);
  /// A unit that wants to be woken after a refusal, in its first cycle after a credit is freed.
  void add_listener(kit::Unit& unit) { listeners_.push_back(&unit); }
  /// The run ends at `end`: what the channels did is recorded. Before the recorder is finished.
  void finish(Time end) { backend_->finish(end); }

  Contents& contents() { return contents_; }
  /// Writes to contents what no request carries there: a host's bytes, a unit's whose request was indirect.
  void poke(std::uint64_t address, const std::byte* in, std::uint64_t bytes) {
    contents_.write(address, in, bytes);
    backend_->poke(address, in, bytes);
  }
  /// After the run: contents are what the memory holds.
  void fetch() { backend_->fetch(); }
  const Parameters& parameters() const { return parameters_; }
  std::uint64_t read_bytes() const { return read_bytes_; }  ///< asked for, without what whole accesses move beyond
  std::uint64_t written_bytes() const { return written_bytes_; }
  std::string waits_for() const override { return backend_->waits_for(); }

 private:
  void step() override;
  void begin_instant();
  void serve_offers();
  void ask_backend();
  void wake_listeners();
  std::uint64_t free_number();

  struct Offer {
    Time arrival;
    Request request;
    Handler done;
  };
  /// A request that the backend has.
  struct Served {
    std::uint64_t order = 0;
    Completion completion;
    Handler done;
  };
  /// One whose completion is known.
  struct Due {
    Time at;
    std::uint64_t order, number;
    bool operator>(const Due& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  Parameters parameters_;
  std::unique_ptr<Backend> backend_;
  Contents contents_;
  std::vector<Offer> offers_;  ///< accepted, not yet served; by arrival, then requester
  std::vector<Served> served_;
  std::vector<std::uint64_t> free_;  ///< places in served_
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  std::vector<Finished> finished_;  ///< what the backend tells
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
