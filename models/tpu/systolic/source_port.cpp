#include "models/tpu/systolic/source_port.hpp"

#include <algorithm>

namespace triad::systolic {

void SourcePort::note_offer(std::uint64_t cycle, const Bundle& bundle, std::uint64_t row) const {
  if (observer_ == nullptr) return;
  const std::uint16_t* values = bundle.values == nullptr ? nullptr : bundle.values + row * bundle.width;
  observer_->offered(port_, cycle, values, bundle.swap && row == 0);
}

void SourcePort::offer() {
  if (offered_ || arrive_bundle_ == bundles_.size()) return;
  const Bundle& bundle = bundles_[arrive_bundle_];
  offer_ = stalls_.first_free(static_cast<int>(port_), std::max(bundle.first_cycle + arrive_row_, next_arrive_));
  offered_ = true;
  note_offer(offer_, bundle, arrive_row_);
}

void SourcePort::arrive() {
  for (offer(); offered_ && arrived_ - accepted_ < fifo_depth; offer()) {
    const std::uint64_t cycle = std::max(offer_, slot_free_[arrived_ % fifo_depth]);
    if (observer_ != nullptr) observer_->arrived(port_, cycle);
    arrival_[arrived_ % fifo_depth] = cycle;
    ++arrived_;
    next_arrive_ = cycle + 1;
    offered_ = false;
    if (++arrive_row_ == bundles_[arrive_bundle_].count) {
      ++arrive_bundle_;
      arrive_row_ = 0;
    }
  }
}

std::uint64_t SourcePort::earliest_accept() const {
  return std::max(arrival_[accepted_ % fifo_depth] + 1, next_accept_);
}

bool SourcePort::accept(std::uint64_t cycle) {
  if (observer_ != nullptr) observer_->accepted(port_, cycle);
  slot_free_[accepted_ % fifo_depth] = cycle + 1;
  ++accepted_;
  next_accept_ = cycle + 1;
  if (++accept_row_ < bundles_.front().count) return false;
  accept_row_ = 0;
  bundles_.pop_front();
  --arrive_bundle_;
  return true;
}

std::uint64_t SourcePort::accept_rest(std::uint64_t cycle) {
  const Bundle bundle = bundles_.front();
  const std::uint64_t head = accept_row_, rest = bundle.count - head;
  if (rest <= fifo_depth) {  // all have arrived already
    for (std::uint64_t i = 0; i < rest; ++i) accept(cycle + i);
    return cycle + rest - 1;
  }
  if (observer_ != nullptr) {
    std::uint64_t previous_arrival = next_arrive_ - 1;
    for (std::uint64_t i = 0; i < rest; ++i) {
      observer_->accepted(port_, cycle + i);
      const std::uint64_t row = head + i + fifo_depth;  // arrives in the next cycle
      if (row >= bundle.count) continue;
      if (i > 0 || !offered_) note_offer(std::max(bundle.first_cycle + row, previous_arrival + 1), bundle, row);
      previous_arrival = cycle + i + 1;
      observer_->arrived(port_, previous_arrival);
    }
  }
  const std::uint64_t last = cycle + rest - 1;
  accepted_ += rest;
  arrived_ = accepted_;
  next_accept_ = last + 1;
  next_arrive_ = last;  // the last row arrived in last - 1
  slot_free_[(accepted_ - 1) % fifo_depth] = last + 1;
  slot_free_[(accepted_ - 2) % fifo_depth] = last;
  offered_ = false;
  bundles_.pop_front();
  accept_row_ = 0;
  arrive_bundle_ = 0;
  arrive_row_ = 0;
  return last;
}

std::uint64_t SourcePort::rows_left() const {
  std::uint64_t rows = 0;
  for (const Bundle& bundle : bundles_) rows += bundle.count;
  return rows - accept_row_;
}

void SourcePort::reset(std::uint64_t cycle) {
  *this = SourcePort(port_, stalls_, observer_);
  next_arrive_ = next_accept_ = cycle;
}

}  // namespace triad::systolic
