#pragma once
#include "models/memory/cache/cache.hpp"
#include "sim/activity/technology.hpp"

namespace triad::memory::cache {

/// A cache as a unit of a machine. It is stepped in the cycles in which a packet arrives, leaves or finds room.
///
///     Link requests(4), replies(4), misses(4), fills(4);
///     CacheUnit l2("l2", clock, parameters, {&requests, &replies, &misses, &fills}, recorder, technology);
///     requests.connect(above, l2); replies.connect(l2, above); misses.connect(l2, below); fills.connect(below, l2);
///
/// A link holds a packet for a cycle, so a link of as many places as two cycles' packets carries `ports` a cycle.
/// Above, below and the cache are of one clock.
///
/// Recorded: *busy* while a bank is occupied, else *memory* while misses are under way; counts of all events, and the
/// energy of tags read and written and of data bytes, by the size of a bank's arrays.
class CacheUnit : public kit::Unit {
 public:
  /// `resource`: the class of machine work that the cache's busy cycles are (activity::Resource).
  CacheUnit(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
            const Wires<Link>& wires, activity::Recorder& recorder, const activity::Technology& technology,
            activity::Resource resource = activity::Resource::none);

  void set_route(int source, std::function<int(std::uint64_t address)> destination) {
    cache_.set_route(source, std::move(destination));
  }
  /// Writes all dirty lines back, from the next cycle on (Cache::flush). Whoever is told by `done` acts a cycle later.
  void flush(bool invalidate, std::function<void()> done);
  const Cache& cache() const { return cache_; }
  std::string waits_for() const override { return cache_.waits_for(); }

 private:
  void step() override;
  /// Records cycles up to `to`.
  void account(Cycle to);
  void record_state(activity::State state, Cycle from, Cycle to);
  void close_state();
  void record_counts(Cycle to);

  Cache cache_;
  Wires<Link> wires_;
  Cycle microsecond_;  ///< in cycles: counts are recorded as often
  kit::Track track_;
  std::array<int, event_count> actions_{};
  std::array<int, stall_count> stall_actions_{};
  Cycle stepped_ = Unit::never;  ///< the last cycle
  Cycle flush_asked_ = 0;
  struct {
    bool pending = false, invalidate = false;
    std::function<void()> done;
  } flush_;

  Cycle accounted_ = 0;  ///< states are known up to here
  Cycle counted_ = 0;    ///< counts are recorded up to here
  Counters recorded_;
  struct {
    activity::State state = activity::State::idle;
    activity::Tag tag;
    Cycle from = 0, to = 0;
  } open_;             ///< an interval that may grow
  activity::Tag tag_;  ///< of the last request
};

}  // namespace triad::memory::cache
