#pragma once
#include <deque>
#include <vector>

#include "models/cosim/lockstep.hpp"
#include "models/cosim/tracks.hpp"
#include "models/cosim/twin.hpp"
#include "models/tpu/systolic/core.hpp"
#include "models/tpu/systolic/model_core.hpp"

namespace triad::systolic {

/// `backend: lockstep`. The fast model answers; its transfers are replayed into the twin up to the advanced cycle.
class LockstepCore : public MatrixCore, private TransferObserver {
 public:
  LockstepCore(const CoreOptions& options, const cosim::TwinFactory& make);

  int rows() const override { return model_.rows(); }
  int columns() const override { return model_.columns(); }
  int latency_cycles() const override { return model_.latency_cycles(); }
  std::uint64_t push_weights(WeightTile tile) override { return model_.push_weights(std::move(tile)); }
  std::uint64_t push_rows(RowBurst burst) override { return model_.push_rows(std::move(burst)); }
  void advance_to(std::uint64_t cycle) override;
  std::optional<WeightsDone> next_weights() override { return model_.next_weights(); }
  std::optional<RowsDone> next_rows() override { return model_.next_rows(); }
  std::uint64_t next_cycle() const override { return model_.next_cycle(); }
  std::string outstanding() const override { return model_.outstanding(); }
  void reset() override;
  /// Clocks on until a result that the model does not know of would have come out.
  void finish() override;

 private:
  void replay_to(std::uint64_t cycle);
  void offered(Port port, std::uint64_t cycle, const std::uint16_t* row, bool swap) override;
  void arrived(Port port, std::uint64_t cycle) override { source(port).arrived(cycle); }
  void accepted(Port port, std::uint64_t cycle) override { source(port).accepted(cycle); }
  void produced(std::uint64_t cycle, const float* row) override;
  void taken(std::uint64_t cycle) override { results_.taken(cycle); }
  cosim::SourceTrack& source(Port port) { return port == Port::weights ? weights_ : rows_; }

  std::string name_;
  cosim::Stalls stalls_;
  ModelCore model_;
  cosim::Lockstep lockstep_;
  cosim::SourceTrack weights_, rows_;
  cosim::SinkTrack results_;
};

/// `backend: rtl`. The twin alone, in a closed loop: rows are offered from their cycles on and held until ready,
/// results are taken in every cycle that is not stalled. At rest (nothing moves, nothing is offered) it is not clocked.
class RtlCore : public MatrixCore {
 public:
  RtlCore(const CoreOptions& options, const cosim::TwinFactory& make);

  int rows() const override { return row_count_; }
  int columns() const override { return column_count_; }
  int latency_cycles() const override { return latency(row_count_, column_count_); }
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
  struct Offer {
    std::uint64_t first_cycle;
    std::vector<std::uint32_t> payload;  // empty: values are off
  };
  struct Source {
    std::deque<Offer> offers;
    bool valid = false;  // holds until ready
  };
  struct Tile {
    WeightsDone done;
    int accepted = 0;
  };
  struct Burst {
    RowsDone done;
    int count = 0, admitted = 0, taken = 0;
    bool values = false;
  };
  /// One cycle of the twin.
  void step();
  /// Drives a source; true while a stall keeps it from offering a row that is due.
  bool offer(Port port, Source& source);
  void note_accept();
  void note_admit();
  void note_take();
  bool at_rest() const { return quiet_cycles_ > latency_cycles() + 2; }
  /// The first cycle in which a source that shows nothing yet may show a row.
  std::uint64_t next_offer() const;

  int row_count_, column_count_;
  std::string name_;
  cosim::Stalls stalls_;
  std::unique_ptr<cosim::Twin> twin_;
  std::uint64_t now_ = 0;
  int quiet_cycles_ = 0;  // in a row in which nothing moved at any port
  Source weights_, rows_;
  std::deque<Tile> tiles_;    // not handed out yet
  std::deque<Burst> bursts_;  // not handed out yet
  std::uint64_t tiles_pushed_ = 0, bursts_pushed_ = 0;
};

}  // namespace triad::systolic
