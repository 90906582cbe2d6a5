#include "models/asic/units/layer.hpp"

#include <fmt/format.h>

namespace triad::asic {

Cycle Layer::may_run(const Scoreboard& scoreboard) const {
  Cycle cycle = enabled;
  for (int e = 0; e < isa::engine_count; ++e) {
    cycle = std::max(cycle, scoreboard.ready_at(static_cast<isa::Engine>(e), waits[static_cast<std::size_t>(e)]));
  }
  return cycle;
}

std::string Layer::waits_for(const Scoreboard& scoreboard) const {
  for (int e = 0; e < isa::engine_count; ++e) {
    const auto engine = static_cast<isa::Engine>(e);
    const std::int64_t needed = waits[static_cast<std::size_t>(e)];
    if (scoreboard.ready_at(engine, needed) != kit::Unit::never) continue;
    return fmt::format("layer {} (step {}) waits for {}: {} of {} layers done", index, step, isa::to_string(engine),
                       scoreboard.layers(engine), needed);
  }
  return {};
}

}  // namespace triad::asic
