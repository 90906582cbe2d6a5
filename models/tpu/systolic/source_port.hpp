#pragma once
#include <cstdint>
#include <deque>

#include "models/cosim/stall.hpp"
#include "models/tpu/systolic/timing.hpp"

namespace triad::systolic {

/// Rows that are offered one per cycle: a weight tile or an activation burst.
struct Bundle {
  std::uint64_t number = 0;
  std::uint64_t first_cycle = 0;
  std::uint64_t count = 0;
  bool swap = false;
  const std::uint16_t* values = nullptr;  ///< count rows of `width`; null: values are off
  int width = 0;
};

/// An input FIFO with registered ready, as recurrences over its rows i:
///
///     offer[i]  = first unstalled cycle >= max(first_cycle + i, arrive[i-1] + 1)
///     arrive[i] = max(offer[i], accept[i-2] + 1)
///     accept[i] = max(arrive[i] + 1, accept[i-1] + 1, gate of the core)
///
/// Arrivals run at most two rows ahead of acceptances, so what is offered is known even while the gate is not.
class SourcePort {
 public:
  SourcePort(Port port, const cosim::Stalls& stalls, TransferObserver* observer)
      : port_(port), stalls_(stalls), observer_(observer) {}

  void push(const Bundle& bundle) { bundles_.push_back(bundle); }
  /// Resolves arrivals as far as known acceptances allow.
  void arrive();

  /// Is there a row whose arrival is known and whose acceptance is not?
  bool has_head() const { return arrived_ > accepted_; }
  const Bundle& head() const { return bundles_.front(); }  ///< its bundle
  std::uint64_t head_row() const { return accept_row_; }   ///< its place there
  /// arrive[i] + 1 and accept[i-1] + 1 of the head row.
  std::uint64_t earliest_accept() const;
  /// Resolves the head row. True when it was the last of its bundle (which is then gone).
  bool accept(std::uint64_t cycle);
  /// Resolves the head row and all that follow in its bundle, one per cycle: accept[i] = accept[head] + i. That is what
  /// the recurrences come to without stalls, since first_cycle + i + 1, arrive[i-1] + 2 and accept[i-2] + 2 are then
  /// all at most accept[i-1] + 1; and arrive[i] = accept[i-2] + 1 from the second row after the head on. Returns the
  /// last acceptance.
  std::uint64_t accept_rest(std::uint64_t cycle);

  bool empty() const { return bundles_.empty(); }
  std::uint64_t rows_left() const;
  /// Forgets everything; nothing happens before `cycle`.
  void reset(std::uint64_t cycle);

 private:
  void offer();
  void note_offer(std::uint64_t cycle, const Bundle& bundle, std::uint64_t row) const;

  Port port_;
  cosim::Stalls stalls_;
  TransferObserver* observer_;
  std::deque<Bundle> bundles_;     // from the one of the head row on
  std::size_t arrive_bundle_ = 0;  // of the next row to arrive: index in bundles_, row in it
  std::uint64_t arrive_row_ = 0;
  std::uint64_t accept_row_ = 0;
  bool offered_ = false;  // is the offer of the next row to arrive known?
  std::uint64_t offer_ = 0;
  std::uint64_t arrived_ = 0, accepted_ = 0;  // rows so far
  std::uint64_t next_arrive_ = 0, next_accept_ = 0;
  std::uint64_t arrival_[fifo_depth] = {};    // by row number modulo depth
  std::uint64_t slot_free_[fifo_depth] = {};  // accept[i-2] + 1, by row number modulo depth
};

}  // namespace triad::systolic
