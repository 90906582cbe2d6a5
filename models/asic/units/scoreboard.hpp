#pragma once
#include <array>
#include <vector>

#include "models/asic/isa/descriptor.hpp"
#include "models/kit/unit.hpp"

namespace triad::asic {

using kit::Cycle;

/// The done counters of the engines, which everybody sees: which layer of an engine is done from which cycle on. A
/// cycle may lie ahead, when an engine knows the end of a layer before it comes. Register groups follow from it: group
/// i mod G is free for layer i when layer i - G is done.
class Scoreboard {
 public:
  /// Units that wait for layers: woken at the cycle in which a layer is seen as done.
  void subscribe(kit::Unit& unit) { waiting_.push_back(&unit); }

  /// The next layer of the engine is seen as done from `cycle` on.
  void done(isa::Engine engine, Cycle cycle) {
    auto& cycles = cycles_[static_cast<std::size_t>(engine)];
    cycles.push_back(cycles.empty() ? cycle : std::max(cycle, cycles.back()));
    for (kit::Unit* unit : waiting_) unit->wake_at(cycles.back());
  }
  /// From which cycle on at least `layers` layers are done; Unit::never while that is not known. None or less: from 0
  /// on.
  Cycle ready_at(isa::Engine engine, std::int64_t layers) const {
    if (layers <= 0) return 0;
    const auto& cycles = cycles_[static_cast<std::size_t>(engine)];
    return layers <= static_cast<std::int64_t>(cycles.size()) ? cycles[static_cast<std::size_t>(layers - 1)]
                                                              : kit::Unit::never;
  }
  std::int64_t layers(isa::Engine engine) const {
    return static_cast<std::int64_t>(cycles_[static_cast<std::size_t>(engine)].size());
  }

 private:
  std::array<std::vector<Cycle>, isa::engine_count> cycles_;
  std::vector<kit::Unit*> waiting_;
};

}  // namespace triad::asic
