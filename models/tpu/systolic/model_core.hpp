#pragma once
#include <deque>
#include <vector>

#include "models/tpu/systolic/core.hpp"
#include "models/tpu/systolic/source_port.hpp"

namespace triad::systolic {

/// The core as recurrences: every push is resolved as far ahead as what it depends on is known, without stepping
/// cycles.
class ModelCore : public MatrixCore {
 public:
  /// observer: hears of every transfer (may be null). collapse: resolve whole bursts by arithmetic when there are no
  /// stalls; off, the recurrences are evaluated row by row (tests hold the two to be equal).
  explicit ModelCore(const CoreOptions& options, TransferObserver* observer = nullptr, bool collapse = true);

  int rows() const override { return rows_; }
  int columns() const override { return columns_; }
  int latency_cycles() const override { return latency(rows_, columns_); }
  std::uint64_t push_weights(WeightTile tile) override;
  std::uint64_t push_rows(RowBurst burst) override;
  void advance_to(std::uint64_t cycle) override;
  std::optional<WeightsDone> next_weights() override;
  std::optional<RowsDone> next_rows() override;
  std::uint64_t next_cycle() const override;
  std::string outstanding() const override;
  void reset() override;
  void finish() override;

 private:
  struct Burst {
    RowBurst pushed;
    RowsDone done;
  };
  void resolve();
  bool resolve_weights();
  bool resolve_rows();
  void begin_burst(Burst& burst);
  /// Row i of the front burst is admitted: its result's slot, cycle and departure.
  void admit(std::uint64_t cycle, std::uint64_t row);

  int rows_, columns_;
  std::string name_;
  cosim::Stalls stalls_;
  TransferObserver* observer_;
  bool collapse_;
  std::uint64_t now_ = 0;

  SourcePort weight_port_, row_port_;
  std::deque<std::vector<std::uint16_t>> tiles_;  // pushed and not yet swapped in
  std::vector<std::uint16_t> active_;             // the weights that rows meet
  std::deque<Burst> bursts_;                      // pushed and not all admitted
  std::uint64_t tiles_pushed_ = 0, bursts_pushed_ = 0;
  std::uint64_t tiles_accepted_ = 0, swaps_admitted_ = 0;
  std::uint64_t first_accept_ = 0, last_accept_ = 0;  // of the tile in the shadow bank
  std::uint64_t swap_admit_ = 0;                      // of the last swap

  std::vector<std::uint64_t> takes_;  // take[i - D], by row number modulo D
  std::uint64_t rows_admitted_ = 0;
  std::uint64_t next_take_ = 0;

  std::deque<WeightsDone> weights_done_;
  std::deque<RowsDone> rows_done_;
};

/// The checks of push_weights and push_rows, the same in every backend. Throw std::logic_error.
void check(const WeightTile& tile, const MatrixCore& core, std::uint64_t now);
void check(const RowBurst& burst, const MatrixCore& core, std::uint64_t now, bool first);

}  // namespace triad::systolic
