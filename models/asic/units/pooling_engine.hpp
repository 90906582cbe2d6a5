#pragma once
#include <vector>

#include "models/asic/units/stream_engine.hpp"
#include "sim/activity/technology.hpp"

namespace triad::asic {

/// Maximum and average over windows of an image, and their gradients. It streams the rows of an image once and keeps
/// what is unfinished: the results of as many rows as overlap. A gradient gathers, for every element, what the windows
/// that hold it contribute, in the order of the windows.
class PoolingEngine : public StreamEngine {
 public:
  PoolingEngine(const sc_core::sc_module_name& name, kit::Clock clock, const Parameters& parameters,
                Scoreboard& scoreboard, MemoryInterface& memory, activity::Recorder& recorder,
                const activity::Technology& technology);

 private:
  /// Rows of `planes` images: results [row, row + rows), which need rows [first, last) of what is read.
  struct Part : Chunk {
    std::int64_t plane = 0, planes = 1, row = 0, rows = 1, first = 0, last = 0;
  };
  void begin(const Layer& layer) override;
  std::unique_ptr<Chunk> next(const Layer& layer) override;
  std::vector<Write> compute(const Layer& layer, Chunk& chunk) override;
  void record(const Layer& layer, const Chunk& chunk, Cycle waited, Cycle begin, Cycle end) override;

  std::pair<std::int64_t, std::int64_t> needed(std::int64_t row, std::int64_t rows) const;
  void fetch(const Part& part);
  std::vector<std::vector<float>> results(const Part& part) const;
  void forward(std::int64_t plane, std::int64_t row, std::int64_t column, std::vector<std::vector<float>>& out) const;
  float backward(std::int64_t plane, std::int64_t row, std::int64_t column) const;
  float divisor(std::int64_t row, std::int64_t column) const;

  kit::Track track_;
  int add_action_, compare_action_, stream_action_;

  isa::Window window_;
  bool gradient_ = false;
  std::int64_t in_height_ = 1, in_width_ = 1, out_height_ = 1, out_width_ = 1;  ///< read, written
  std::int64_t plane_ = 0, planes_ = 1, row_ = 0, read_ = 0;                    ///< where the next chunk begins
  std::vector<std::vector<float>> images_;                                      ///< by operand: the planes at hand
  std::int64_t held_ = -1;                                                      ///< the first of them
};

}  // namespace triad::asic
