#pragma once
#include <array>
#include <deque>
#include <vector>

#include "models/asic/units/loader.hpp"

namespace triad::asic {

/// A tile of a finished product in the delivery buffer, as the point-wise engine takes it: groups of atomic_k columns
/// one after the other, row by row.
struct Delivery {
  Tile tile;
  std::vector<float> values;  ///< row-major; none in a run without values
  std::vector<Cycle> ready;   ///< by column group: row r is there from ready + r on
};

/// Takes deliveries: the point-wise engine.
class DeliverySink {
 public:
  virtual ~DeliverySink() = default;
  virtual void deliver(Delivery delivery) = 0;
};

/// Sequencer, MAC array (atomic_k cells of atomic_c multipliers with an adder tree), accumulator. The schedule of a
/// tile follows, when its operands are there, from recurrences over operations (all rows against one block of channels
/// of one group of kernels; README.md derives them):
///
///     weights[j] = max(operands there, start[j-1]) + buffer_cycles + kernels of j       shadow weights, a kernel a
///     cycle start[j]   = max(start[j-1] + rows[j-1], weights[j], start[j-1] + accumulate_cycles when both add to the
///     same sums) result row r of a group: start[last of the group] + r + mac_cycles + accumulate_cycles
class MacArray : public kit::Unit, public LayerSink, public TileSink {
 public:
  MacArray(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters, Buffer& buffer,
           Scoreboard& scoreboard, activity::Recorder& recorder, const activity::Technology& technology, bool values,
           bool check);

  void connect(DeliverySink& sink, std::vector<kit::Unit*> loaders) { sink_ = &sink, loaders_ = std::move(loaders); }
  void program(const Layer& layer) override;
  void loaded(OperandPort port, std::int64_t index, Cycle cycle) override;
  /// The point-wise engine has read the delivery buffer; it is free from `cycle` on.
  void delivery_read(Cycle cycle);
  std::string waits_for() const override;

 private:
  struct Schedule {
    Cycle first_weights, last_start;
    std::vector<Cycle> ready;  ///< by column group
  };
  void step() override;
  void run(const Layer& layer, const Tile& tile, Cycle operands);
  Schedule schedule(const Layer& layer, const Tile& tile, Cycle operands);
  void compute(const Layer& layer, const Tile& tile);
  void check_operands(const Layer& layer, const Tile& tile, Cycle read) const;
  int bank(const isa::Gemm& gemm, const Tile& tile, OperandPort port) const;
  TilePlace place(const isa::Gemm& gemm, const Tile& tile, OperandPort port) const;

  const Parameters& parameters_;
  Buffer& buffer_;
  Scoreboard& scoreboard_;
  kit::Track track_;
  int mac_action_, read_action_, sum_action_;
  bool values_, check_;
  DeliverySink* sink_ = nullptr;
  std::vector<kit::Unit*> loaders_;

  std::deque<Layer> layers_;
  TileLoop loop_;                            ///< of the front layer
  bool started_ = false;                     ///< the front layer's loop has begun
  std::array<std::deque<Cycle>, 2> loaded_;  ///< by port, of the tiles from the current one on
  std::vector<float> sums_;                  ///< assembly buffer: rows x columns of the current result
  Cycle delivery_free_ = 0;                  ///< never: taken
  Cycle weights_free_ = 0;                   ///< the shadow weights of the cells are free
  Cycle next_start_ = 0;                     ///< the array takes a new operation
  Cycle recorded_ = 0, drained_ = 0;         ///< states are recorded up to here; the pipeline is empty from there on
  activity::Tag last_tag_{};
};

}  // namespace triad::asic
