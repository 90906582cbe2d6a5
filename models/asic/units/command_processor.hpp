#pragma once
#include <array>
#include <deque>

#include "models/asic/compiler/program.hpp"
#include "models/asic/parameters.hpp"
#include "models/asic/units/layer.hpp"
#include "models/asic/units/memory_interface.hpp"
#include "sim/activity/technology.hpp"

namespace triad::asic {

/// Reads layer descriptors from memory, decodes them, waits for a free register group of their engine and programs it.
/// Runs the stream once per step; adds what a step adds to addresses and to the counts that a layer waits for.
class CommandProcessor : public kit::Unit {
 public:
  CommandProcessor(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                   const Program& program, int steps, Scoreboard& scoreboard, MemoryInterface& memory,
                   activity::Recorder& recorder, const activity::Technology& technology);

  /// Where the layers of an engine go: each of its sub-units takes every layer.
  void connect(isa::Engine engine, LayerSink& sink) { sinks_[static_cast<std::size_t>(engine)].push_back(&sink); }
  /// The host rings the doorbell at time 0.
  void start();
  bool finished() const { return programmed_ == total_; }
  std::string waits_for() const override;

 private:
  void step() override;
  void fetch();
  Layer layer(const isa::Descriptor& descriptor) const;

  const Parameters& parameters_;
  const Program& program_;
  Scoreboard& scoreboard_;
  MemoryInterface& memory_;
  int client_;
  kit::Track track_;
  int command_action_;
  std::array<std::vector<LayerSink*>, isa::engine_count> sinks_;

  const std::int64_t total_;  ///< descriptors of all steps
  std::int64_t fetched_ = 0;  ///< asked for
  std::int64_t programmed_ = 0;
  /// Asked for and not yet programmed, in the order of the stream: memory may answer in another one.
  struct Fetched {
    Cycle arrived = never;
    isa::Descriptor descriptor;
  };
  std::deque<Fetched> fetching_;
  std::array<std::int64_t, isa::engine_count> count_{};  ///< layers programmed
  Cycle free_ = 0;  ///< from here on it can program; what it did before is recorded
  bool started_ = false;
};

}  // namespace triad::asic
