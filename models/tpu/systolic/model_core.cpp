#include "models/tpu/systolic/model_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "sim/device/device.hpp"
#include "sim/numerics/systolic_chain.hpp"

namespace triad::systolic {

ModelCore::ModelCore(const CoreOptions& options, TransferObserver* observer, bool collapse)
    : rows_(options.rows),
      columns_(options.columns),
      name_(options.name),
      stalls_(options.stalls),
      observer_(observer),
      collapse_(collapse && options.stalls.percent == 0),
      weight_port_(Port::weights, options.stalls, observer),
      row_port_(Port::rows, options.stalls, observer),
      takes_(result_slots(options.rows, options.columns), 0) {}

void check(const WeightTile& tile, const MatrixCore& core, std::uint64_t now) {
  const std::size_t elements = static_cast<std::size_t>(core.rows()) * core.columns();
  if (tile.first_cycle < now)
    throw std::logic_error("push_weights: offered before the cycle the core has been advanced to");
  if (!tile.values.empty() && tile.values.size() != elements) {
    throw std::logic_error(
        fmt::format("push_weights: {} values, not {}x{}", tile.values.size(), core.rows(), core.columns()));
  }
}

void check(const RowBurst& burst, const MatrixCore& core, std::uint64_t now, bool first) {
  if (burst.first_cycle < now)
    throw std::logic_error("push_rows: offered before the cycle the core has been advanced to");
  if (burst.count < 1) throw std::logic_error("push_rows: a burst has at least one row");
  if (first && !burst.swap) throw std::logic_error("push_rows: the first burst must swap weights in");
  if (!burst.values.empty() && burst.values.size() != static_cast<std::size_t>(burst.count) * core.rows()) {
    throw std::logic_error(
        fmt::format("push_rows: {} values, not {}x{}", burst.values.size(), burst.count, core.rows()));
  }
}

std::uint64_t ModelCore::push_weights(WeightTile tile) {
  check(tile, *this, now_);
  tiles_.push_back(std::move(tile.values));
  const auto& values = tiles_.back();
  weight_port_.push({.number = tiles_pushed_,
                     .first_cycle = tile.first_cycle,
                     .count = static_cast<std::uint64_t>(rows_),
                     .values = values.empty() ? nullptr : values.data(),
                     .width = columns_});
  resolve();
  return tiles_pushed_++;
}

std::uint64_t ModelCore::push_rows(RowBurst burst) {
  check(burst, *this, now_, bursts_pushed_ == 0);
  const std::uint64_t number = bursts_pushed_++;
  bursts_.push_back({std::move(burst), {}});
  bursts_.back().done.burst = number;
  const RowBurst& pushed = bursts_.back().pushed;
  row_port_.push({.number = number,
                  .first_cycle = pushed.first_cycle,
                  .count = static_cast<std::uint64_t>(pushed.count),
                  .swap = pushed.swap,
                  .values = pushed.values.empty() ? nullptr : pushed.values.data(),
                  .width = rows_});
  resolve();
  return number;
}

void ModelCore::resolve() {
  bool weights = true, rows = true;
  while (weights || rows) {
    weights = resolve_weights();
    rows = resolve_rows();
  }
}

bool ModelCore::resolve_weights() {
  bool progress = false;
  for (weight_port_.arrive(); weight_port_.has_head(); weight_port_.arrive()) {
    std::uint64_t cycle = weight_port_.earliest_accept();
    const Bundle tile = weight_port_.head();
    if (weight_port_.head_row() == 0) {
      if (swaps_admitted_ < tile.number) return progress;  // the shadow bank still holds the tile before
      if (tile.number > 0) cycle = std::max(cycle, swap_admit_ + 1);
      first_accept_ = cycle;
    }
    progress = true;
    if (collapse_) {
      last_accept_ = weight_port_.accept_rest(cycle);
    } else {
      last_accept_ = cycle;
      if (!weight_port_.accept(cycle)) continue;
    }
    ++tiles_accepted_;
    weights_done_.push_back({.tile = tile.number, .first_accept = first_accept_, .last_accept = last_accept_});
  }
  return progress;
}

bool ModelCore::resolve_rows() {
  bool progress = false;
  for (row_port_.arrive(); row_port_.has_head(); row_port_.arrive()) {
    std::uint64_t cycle = row_port_.earliest_accept();
    const std::uint64_t row = row_port_.head_row();
    Burst& burst = bursts_.front();
    if (row == 0 && burst.pushed.swap) {
      if (tiles_accepted_ <= swaps_admitted_) return progress;  // its weights are not all in the shadow bank
      cycle = std::max(cycle, last_accept_ + 1);
    }
    // take[i - D] + 1: a slot for the result. Without stalls take[i - D] = admit[i - D] + L < admit[i - D] + D <=
    // admit[i].
    if (!collapse_ && rows_admitted_ >= takes_.size()) {
      cycle = std::max(cycle, takes_[rows_admitted_ % takes_.size()] + 1);
    }
    progress = true;
    if (row == 0) {
      burst.done.first_admit = cycle;
      if (burst.pushed.swap) swap_admit_ = cycle;
      begin_burst(burst);
    }
    bool last = true;
    if (collapse_) {
      burst.done.last_admit = row_port_.accept_rest(cycle);
      burst.done.first_take = burst.done.first_admit + latency_cycles();
      burst.done.last_take = burst.done.last_admit + latency_cycles();
      for (std::uint64_t i = row; observer_ != nullptr && i < static_cast<std::uint64_t>(burst.pushed.count); ++i) {
        admit(cycle + (i - row), i);
      }
    } else {
      last = row_port_.accept(cycle);
      admit(cycle, row);
    }
    if (!last) continue;
    rows_done_.push_back(std::move(burst.done));
    bursts_.pop_front();
  }
  return progress;
}

void ModelCore::begin_burst(Burst& burst) {
  const RowBurst& pushed = burst.pushed;
  if (pushed.swap) {
    active_ = std::move(tiles_.front());
    tiles_.pop_front();
    ++swaps_admitted_;
  }
  if (pushed.values.empty() != active_.empty()) throw std::logic_error("values are on for weights or rows only");
  if (pushed.values.empty()) return;
  burst.done.values.resize(static_cast<std::size_t>(pushed.count) * columns_);
  numerics::systolic_chain(pushed.values.data(), pushed.count, active_.data(), rows_, columns_,
                           burst.done.values.data());
}

void ModelCore::admit(std::uint64_t cycle, std::uint64_t row) {
  RowsDone& done = bursts_.front().done;
  const std::uint64_t out = cycle + latency_cycles();
  const std::uint64_t take = stalls_.first_free(static_cast<int>(Port::results), std::max(out, next_take_));
  next_take_ = take + 1;
  takes_[rows_admitted_ % takes_.size()] = take;
  ++rows_admitted_;
  if (row == 0) done.first_take = take;
  done.last_admit = std::max(done.last_admit, cycle);
  done.last_take = take;
  if (observer_ == nullptr) return;
  observer_->produced(out, done.values.empty() ? nullptr : done.values.data() + row * columns_);
  observer_->taken(take);
}

void ModelCore::advance_to(std::uint64_t cycle) {
  now_ = std::max(now_, cycle);
}

std::optional<WeightsDone> ModelCore::next_weights() {
  if (weights_done_.empty() || weights_done_.front().last_accept >= now_) return std::nullopt;
  const WeightsDone done = weights_done_.front();
  weights_done_.pop_front();
  return done;
}

std::optional<RowsDone> ModelCore::next_rows() {
  if (rows_done_.empty() || rows_done_.front().last_take >= now_) return std::nullopt;
  RowsDone done = std::move(rows_done_.front());
  rows_done_.pop_front();
  return done;
}

std::uint64_t ModelCore::next_cycle() const {
  std::uint64_t cycle = never;
  if (!weights_done_.empty()) cycle = std::min(cycle, weights_done_.front().last_accept + 1);
  if (!rows_done_.empty()) cycle = std::min(cycle, rows_done_.front().last_take + 1);
  return cycle;
}

std::string ModelCore::outstanding() const {
  std::string text;
  auto add = [&text](const std::string& what) { text += (text.empty() ? "" : "; ") + what; };
  if (!weight_port_.empty()) {
    add(fmt::format("{} weight rows from tile {} on wait for the rows that swap in tile {}", weight_port_.rows_left(),
                    weight_port_.head().number, swaps_admitted_));
  }
  if (!row_port_.empty()) {
    add(fmt::format("{} rows from burst {} on wait for the weights of tile {}", row_port_.rows_left(),
                    row_port_.head().number, swaps_admitted_));
  }
  if (!weights_done_.empty() && weights_done_.back().last_accept >= now_) {
    add(fmt::format("weights are accepted until cycle {}", weights_done_.back().last_accept));
  }
  if (!rows_done_.empty() && rows_done_.back().last_take >= now_) {
    add(fmt::format("results are taken until cycle {}", rows_done_.back().last_take));
  }
  return text;
}

void ModelCore::reset() {
  const std::uint64_t after = now_ + 1;
  weight_port_.reset(after);
  row_port_.reset(after);
  tiles_.clear();
  active_.clear();
  bursts_.clear();
  tiles_pushed_ = bursts_pushed_ = tiles_accepted_ = swaps_admitted_ = rows_admitted_ = 0;
  std::fill(takes_.begin(), takes_.end(), 0);
  next_take_ = after;
  weights_done_.clear();
  rows_done_.clear();
  now_ = after;
}

void ModelCore::finish() {
  if (const std::string left = outstanding(); !left.empty()) {
    throw device::Fault(fmt::format("{}: left over at the end in cycle {}: {}", name_, now_, left));
  }
}

}  // namespace triad::systolic
