#pragma once
#include <array>
#include <deque>

#include "models/asic/compiler/program.hpp"
#include "models/asic/parameters.hpp"
#include "models/asic/units/layer.hpp"
#include "models/asic/units/memory_interface.hpp"
#include "sim/activity/technology.hpp"

namespace triad::asic {

/// Reads layer descriptors from memory, line by line, waits for a free register group of their engine and programs it.
/// Runs the stream once per step; adds what a step adds to addresses and to the counts that a layer waits for.
class CommandProcessor : public kit::Unit {
 public:
  /// `lines`: of the encoded stream.
  CommandProcessor(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                   const Program& program, std::int64_t lines, int steps, Scoreboard& scoreboard,
                   MemoryInterface& memory, activity::Recorder& recorder, const activity::Technology& technology);

  /// Where the layers of an engine go: each of its sub-units takes every layer.
  void connect(isa::Engine engine, LayerSink& sink) { sinks_[static_cast<std::size_t>(engine)].push_back(&sink); }
  /// The host rings the doorbell at time 0.
  void start();
  bool finished() const { return taken_ == total_; }
  std::string waits_for() const override;

 private:
  void step() override;
  void fetch();
  Layer layer() const;

  const Parameters& parameters_;
  const Program& program_;
  Scoreboard& scoreboard_;
  MemoryInterface& memory_;
  int client_;
  kit::Track track_;
  int command_action_;
  std::array<std::vector<LayerSink*>, isa::engine_count> sinks_;

  const std::int64_t lines_;  ///< of a step
  const std::int64_t total_;  ///< of all steps
  std::int64_t fetched_ = 0;  ///< lines asked for
  std::int64_t taken_ = 0;    ///< lines written into register groups
  /// Asked for and not yet taken, in the order of the stream: memory may answer in another one.
  struct Line {
    Cycle arrived = never;
    std::array<std::uint32_t, isa::line_words> words{};
  };
  std::deque<Line> fetching_;
  std::vector<std::uint32_t> words_;                     ///< of the descriptor that is being written
  int left_ = 0;                                         ///< lines of it to come
  std::array<std::int64_t, isa::engine_count> count_{};  ///< layers programmed
  Cycle free_ = 0;  ///< from here on it can program; what it did before is recorded
};

}  // namespace triad::asic
