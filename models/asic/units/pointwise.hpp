#pragma once
#include <deque>
#include <vector>

#include "models/asic/units/mac_array.hpp"
#include "models/asic/units/stream_engine.hpp"

namespace triad::asic {

/// The point-wise engine: what comes from memory or, flying, from the accumulator's delivery buffer passes stage X1
/// (arithmetic with a second operand, reductions), Y (special functions) and X2 (ReLU), is converted and written.
class PointWise : public StreamEngine, public DeliverySink {
 public:
  PointWise(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters, Scoreboard& scoreboard,
            MemoryInterface& memory, MacArray& array, activity::Recorder& recorder,
            const activity::Technology& technology);
  void deliver(Delivery delivery) override;

 private:
  std::string not_ready(const Layer& layer) const override;
  Plan plan(const Layer& layer) override;
  void preloaded(const Bytes& data) override;
  std::vector<Bytes> compute(const Layer& layer, const Chunk& chunk, const std::vector<Bytes>& operands) override;
  void record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) override;
  std::vector<std::pair<memory::Request, Bytes>> finish(const Layer& layer) override;
  void taken(const Layer& layer, Cycle cycle) override;

  void plan_flying(const Layer& layer, Plan& plan) const;
  void plan_rows(const Layer& layer, Plan& plan) const;
  void plan_matrix(const Layer& layer, Plan& plan) const;
  void check(const Layer& layer) const;
  void reduce(const Layer& layer, const Chunk& chunk, const std::vector<float>& a, const std::vector<float>& b);
  Cycle beats(std::int64_t elements) const;

  MacArray& array_;
  kit::Track x1_, x2_, y_;
  int add_action_, multiply_action_, compare_action_, special_action_, stream_action_;
  std::deque<Delivery> deliveries_;  ///< the front one is the current layer's, if it flies
  std::vector<float> vector_;        ///< operand RAM: the operand per column
  std::vector<float> sums_;          ///< operand RAM: column sums, or the values of one sum over everything
  float loss_ = 0;
  Cycle tail_ = 0;
};

/// The update engine: reads parameters, gradients and velocities, writes parameters and velocities back.
class Update : public StreamEngine {
 public:
  Update(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters, Scoreboard& scoreboard,
         MemoryInterface& memory, activity::Recorder& recorder, const activity::Technology& technology);

 private:
  std::string not_ready(const Layer&) const override { return {}; }
  Plan plan(const Layer& layer) override;
  std::vector<Bytes> compute(const Layer& layer, const Chunk& chunk, const std::vector<Bytes>& operands) override;
  void record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) override;

  kit::Track track_;
  int add_action_, multiply_action_, stream_action_;
};

/// Cuts rows x columns into chunks of at most `elements`: groups of whole rows, or pieces of a row.
std::vector<Chunk> cut(std::int64_t rows, std::int64_t columns, std::int64_t elements);

}  // namespace triad::asic
