#pragma once
#include <vector>

#include "models/kit/unit.hpp"

namespace triad::tpu {

using kit::Cycle;

/// The dependency tokens: a counter of completed instructions per unit. What is signalled in cycle t is seen from t + 1
/// on.
class Tokens {
 public:
  explicit Tokens(int units) : counters_(static_cast<std::size_t>(units)) {}
  /// Every unit that may wait for a token is woken when one is signalled.
  void add_listener(kit::Unit& unit) { listeners_.push_back(&unit); }
  void signal(int unit, Cycle now) {
    Counter& counter = counters_[static_cast<std::size_t>(unit)];
    counter.before = counter.last == now ? counter.before : counter.count;
    counter.last = now;
    ++counter.count;
    for (kit::Unit* listener : listeners_) listener->wake_at(now + 1);
  }
  /// Instructions of a unit that were completed before cycle `now`.
  std::uint64_t seen(int unit, Cycle now) const {
    const Counter& counter = counters_[static_cast<std::size_t>(unit)];
    return counter.last == now ? counter.before : counter.count;
  }

 private:
  struct Counter {
    std::uint64_t count = 0, before = 0;  ///< `before`: the count at the begin of cycle `last`
    Cycle last = kit::Unit::never;
  };
  std::vector<Counter> counters_;
  std::vector<kit::Unit*> listeners_;
};

}  // namespace triad::tpu
