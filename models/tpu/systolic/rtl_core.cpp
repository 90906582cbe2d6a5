#include <fmt/format.h>

#include <algorithm>

#include "models/tpu/systolic/payload.hpp"
#include "models/tpu/systolic/twin_core.hpp"
#include "sim/device/device.hpp"
#include "sim/numerics/format.hpp"

namespace triad::systolic {

RtlCore::RtlCore(const CoreOptions& options, const cosim::TwinFactory& make)
    : row_count_(options.rows),
      column_count_(options.columns),
      name_(options.name),
      stalls_(options.stalls),
      twin_(make()) {
  cosim::power_on(*twin_);
}

std::uint64_t RtlCore::push_weights(WeightTile tile) {
  check(tile, *this, now_);
  for (int r = 0; r < row_count_; ++r) {
    const std::uint16_t* row = tile.values.empty() ? nullptr : tile.values.data() + r * column_count_;
    weights_.offers.push_back({tile.first_cycle + r, weight_payload(row, column_count_)});
  }
  tiles_.emplace_back().done.tile = tiles_pushed_;
  return tiles_pushed_++;
}

std::uint64_t RtlCore::push_rows(RowBurst burst) {
  check(burst, *this, now_, bursts_pushed_ == 0);
  for (int i = 0; i < burst.count; ++i) {
    const std::uint16_t* row = burst.values.empty() ? nullptr : burst.values.data() + i * row_count_;
    rows_.offers.push_back({burst.first_cycle + i, row_payload(row, row_count_, burst.swap && i == 0)});
  }
  Burst& record = bursts_.emplace_back();
  record.done.burst = bursts_pushed_;
  record.count = burst.count;
  record.values = !burst.values.empty();
  return bursts_pushed_++;
}

bool RtlCore::offer(Port port, Source& source) {
  const int stream = static_cast<int>(port);
  const bool due = !source.offers.empty() && source.offers.front().first_cycle <= now_;
  const bool stalled = due && !source.valid && stalls_.stalled(stream, now_);
  if (due && !stalled) source.valid = true;
  const bool has_payload = source.valid && !source.offers.front().payload.empty();
  twin_->drive(stream, source.valid, has_payload ? source.offers.front().payload.data() : nullptr);
  return stalled;
}

void RtlCore::step() {
  const bool held_back_weights = offer(Port::weights, weights_), held_back_rows = offer(Port::rows, rows_);
  const bool ready = !stalls_.stalled(static_cast<int>(Port::results), now_);
  twin_->drive(static_cast<int>(Port::results), ready, nullptr);
  twin_->settle();

  bool moved = held_back_weights || held_back_rows;
  for (const Port port : {Port::weights, Port::rows}) {
    Source& source = port == Port::weights ? weights_ : rows_;
    if (source.valid && twin_->control(static_cast<int>(port))) {
      source.offers.pop_front();
      source.valid = false;
      moved = true;
    }
  }
  if (twin_->event(static_cast<int>(Port::weights))) {
    note_accept();
    moved = true;
  }
  if (twin_->event(static_cast<int>(Port::rows))) {
    note_admit();
    moved = true;
  }
  if (twin_->control(static_cast<int>(Port::results))) {
    moved = true;  // a result that waits for a stalled sink will move
    if (ready) note_take();
  }
  twin_->rise();
  quiet_cycles_ = moved ? 0 : quiet_cycles_ + 1;
  ++now_;
}

void RtlCore::note_accept() {
  const auto tile =
      std::find_if(tiles_.begin(), tiles_.end(), [this](const Tile& t) { return t.accepted < row_count_; });
  if (tile == tiles_.end())
    throw device::Fault(fmt::format("{}: RTL accepts a weight row in cycle {} that nobody offered", name_, now_));
  if (tile->accepted++ == 0) tile->done.first_accept = now_;
  tile->done.last_accept = now_;
}

void RtlCore::note_admit() {
  const auto burst = std::find_if(bursts_.begin(), bursts_.end(), [](const Burst& b) { return b.admitted < b.count; });
  if (burst == bursts_.end())
    throw device::Fault(fmt::format("{}: RTL admits a row in cycle {} that nobody offered", name_, now_));
  if (burst->admitted++ == 0) burst->done.first_admit = now_;
  burst->done.last_admit = now_;
}

void RtlCore::note_take() {
  const auto burst = std::find_if(bursts_.begin(), bursts_.end(), [](const Burst& b) { return b.taken < b.count; });
  if (burst == bursts_.end())
    throw device::Fault(fmt::format("{}: RTL has a result in cycle {} that nobody asked for", name_, now_));
  if (burst->taken++ == 0) burst->done.first_take = now_;
  burst->done.last_take = now_;
  if (!burst->values) return;
  std::vector<std::uint32_t> words(column_count_);
  twin_->payload(static_cast<int>(Port::results), words.data());
  for (const std::uint32_t word : words) burst->done.values.push_back(numerics::float_of(word));
}

std::uint64_t RtlCore::next_offer() const {
  std::uint64_t cycle = never;
  for (const Source* source : {&weights_, &rows_}) {
    if (!source->valid && !source->offers.empty()) cycle = std::min(cycle, source->offers.front().first_cycle);
  }
  return cycle;
}

void RtlCore::advance_to(std::uint64_t cycle) {
  while (now_ < cycle) {
    // A Moore machine at rest stays as it is until something is offered.
    if (at_rest() && next_offer() > now_) {
      now_ = std::min(cycle, next_offer());
    } else {
      step();
    }
  }
}

std::optional<WeightsDone> RtlCore::next_weights() {
  if (tiles_.empty() || tiles_.front().accepted < row_count_) return std::nullopt;
  const WeightsDone done = tiles_.front().done;
  tiles_.pop_front();
  return done;
}

std::optional<RowsDone> RtlCore::next_rows() {
  if (bursts_.empty() || bursts_.front().taken < bursts_.front().count) return std::nullopt;
  RowsDone done = std::move(bursts_.front().done);
  bursts_.pop_front();
  return done;
}

std::uint64_t RtlCore::next_cycle() const {
  if (tiles_.empty() && bursts_.empty()) return never;
  if (!at_rest()) return now_ + 1;
  const std::uint64_t offer = next_offer();
  return offer == never ? never : std::max(now_, offer) + 1;
}

std::string RtlCore::outstanding() const {
  std::string text;
  auto add = [&text](const std::string& what) { text += (text.empty() ? "" : "; ") + what; };
  for (const Tile& tile : tiles_) {
    if (tile.accepted == row_count_) continue;
    add(fmt::format("{} of {} weight rows of tile {} are accepted", tile.accepted, row_count_, tile.done.tile));
    break;
  }
  for (const Burst& burst : bursts_) {
    if (burst.taken == burst.count) continue;
    add(fmt::format("of the {} rows of burst {}, {} are admitted and {} results taken", burst.count, burst.done.burst,
                    burst.admitted, burst.taken));
    break;
  }
  return text;
}

void RtlCore::reset() {
  for (const Port port : {Port::weights, Port::rows, Port::results})
    twin_->drive(static_cast<int>(port), false, nullptr);
  twin_->drive_reset(true);
  twin_->settle();
  twin_->rise();
  twin_->drive_reset(false);
  ++now_;
  quiet_cycles_ = 0;
  weights_ = {};
  rows_ = {};
  tiles_.clear();
  bursts_.clear();
  tiles_pushed_ = bursts_pushed_ = 0;
}

void RtlCore::finish() {
  if (const std::string left = outstanding(); !left.empty()) {
    throw device::Fault(fmt::format("{}: left over at the end in cycle {}: {}", name_, now_, left));
  }
  for (int cycle = 0; cycle < latency_cycles() + result_slots(row_count_, column_count_); ++cycle) step();
}

}  // namespace triad::systolic
