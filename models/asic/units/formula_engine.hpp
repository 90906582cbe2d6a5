#pragma once
#include <deque>
#include <map>
#include <vector>

#include "models/asic/units/evaluation.hpp"
#include "models/asic/units/mac_array.hpp"
#include "models/asic/units/stream_engine.hpp"

namespace triad::asic {

/// An engine that executes microprograms over strided spaces: the point-wise engine (reductions, and flying layers,
/// which take a product from the accumulator's delivery buffer), the update engine and, with programs that only copy,
/// the reshape engine.
class FormulaEngine : public StreamEngine, public DeliverySink {
 public:
  FormulaEngine(const sc_core::sc_module_name& name, kit::Clock clock, isa::Engine engine, const Parameters& parameters,
                const Parameters::Stream& own, Scoreboard& scoreboard, MemoryInterface& memory,
                activity::Recorder& recorder, const activity::Technology& technology);
  /// Where products come from; without it a flying layer is a fault.
  void connect(MacArray& array) { array_ = &array; }
  void deliver(Delivery delivery) override;

 private:
  enum class Kind {
    resident,  ///< reads operands that stay for the layer
    points,    ///< a part of a pass over a block
    rows,      ///< results of a block's rows
  };
  struct Part : Chunk {
    Kind kind = Kind::points;
    std::size_t pass = 0;
    Box box, block;
    std::size_t ordinal = 0;  ///< among the chunks of its pass over the block
    bool first_of_block = false, first_of_pass = false;
    Tile tile;              ///< of a flying layer
    std::size_t group = 0;  ///< of columns that leave the array together
    bool last_of_tile = false;
  };

  void begin(const Layer& layer) override;
  std::unique_ptr<Chunk> next(const Layer& layer) override;
  Ready ready(const Chunk& chunk) const override;
  std::string not_ready(const Layer& layer) const override;
  std::vector<Write> compute(const Layer& layer, Chunk& chunk) override;
  void record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) override;
  void taken(const Layer& layer, const Chunk& chunk, Cycle cycle) override;

  void check(const Layer& layer) const;
  Box whole(const Layer& layer) const;
  Cutter cutter(const Layer& layer, const Box& block) const;
  std::unique_ptr<Part> points(const Layer& layer);
  void cut_tile(const Layer& layer);
  void read(const Layer& layer, Part& part) const;

  MacArray* array_ = nullptr;
  const bool moves_;  ///< the reshape engine
  kit::Track track_, special_;
  int add_action_, multiply_action_, compare_action_, special_action_, stream_action_;

  FormulaSchedule schedule_;
  Evaluation evaluation_;
  // The walk: what the next chunk is.
  bool resident_read_ = false;
  Cutter blocks_;
  Box block_;
  std::size_t pass_ = 0, ordinal_ = 0;
  bool in_block_ = false, in_pass_ = false, block_begun_ = false;
  Cutter parts_;
  std::shared_ptr<const isa::Descriptor> flying_;  ///< the layer, if it flies
  TileLoop tiles_;
  std::deque<std::unique_ptr<Part>> tile_parts_;
  std::deque<Delivery> deliveries_;  ///< the front one is the current tile's
};

}  // namespace triad::asic
