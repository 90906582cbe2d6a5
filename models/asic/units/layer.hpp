#pragma once
#include <array>
#include <memory>
#include <string>

#include "models/asic/units/scoreboard.hpp"
#include "sim/activity/recorder.hpp"

namespace triad::asic {

/// A register group: a layer as the command processor has programmed it for one step.
struct Layer {
  std::shared_ptr<const isa::Descriptor> descriptor = std::make_shared<isa::Descriptor>();
  int step = 0;
  std::int64_t index = 0;  ///< of the engine's layers, counted from the beginning of the run
  Cycle enabled = 0;       ///< from this cycle on the engine sees it
  std::array<std::int64_t, isa::engine_count> waits{};  ///< layers of each engine, counted likewise, that must be done

  activity::Tag tag() const { return {descriptor->tag, step}; }
  /// The address in this step.
  std::uint64_t address(const kit::StepAddress& address) const { return address.at(step); }

  /// From which cycle on the layer may run: enabled and all that it waits for done; Unit::never while not known.
  Cycle may_run(const Scoreboard& scoreboard) const;
  /// "layer 3 (step 0) waits for pointwise: 2 of 4 layers done", or empty.
  std::string waits_for(const Scoreboard& scoreboard) const;
};

/// Something that takes programmed layers: a sub-unit of an engine.
class LayerSink {
 public:
  virtual ~LayerSink() = default;
  virtual void program(const Layer& layer) = 0;
};

}  // namespace triad::asic
