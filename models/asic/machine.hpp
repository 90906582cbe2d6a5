#pragma once
#include "models/asic/units/command_processor.hpp"
#include "models/asic/units/formula_engine.hpp"
#include "models/asic/units/indexed_engine.hpp"
#include "models/asic/units/pooling_engine.hpp"

namespace triad::asic {

/// The machine of one run: its units and the memory, connected, with the job's data and the command stream in place.
class Machine {
 public:
  /// `program`, `job` and `recorder` outlive it.
  Machine(const Parameters& parameters, const memory::Parameters& memory, const activity::Technology& technology,
          const Program& program, const device::Job& job, bool check, activity::Recorder& recorder);
  void start() { command_.start(); }
  /// All steps are done.
  bool finished() const;
  /// When they were, or will be: done counters may be known before their cycle has come.
  kit::Time end() const;
  int steps_done() const;
  memory::Memory& memory() { return memory_; }
  /// Those that may wait for one another.
  std::vector<const kit::Unit*> units() const;

 private:
  kit::Clock clock_;
  const Program& program_;
  const int steps_;
  const std::vector<std::uint32_t> stream_;  ///< encoded
  memory::Memory memory_;
  Scoreboard scoreboard_;
  Buffer buffer_;
  MemoryInterface interface_;
  CommandProcessor command_;
  MacArray array_;
  Loader activations_, weights_;
  FormulaEngine pointwise_, update_, reshape_;
  PoolingEngine pooling_;
  IndexedEngine indexed_;
};

}  // namespace triad::asic
