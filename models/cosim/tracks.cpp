#include "models/cosim/tracks.hpp"

#include <utility>

namespace triad::cosim {

void SourceTrack::offered(std::uint64_t cycle, std::vector<std::uint32_t> payload) {
  rows_.push_back({cycle, unknown, std::move(payload)});
}

void SourceTrack::arrived(std::uint64_t cycle) {
  rows_[arrivals_known_++].arrive = cycle;
}

Pins SourceTrack::pins(std::uint64_t cycle) {
  Pins pins{.valid = false, .ready = inside_ < depth_, .payload = nullptr};
  if (!rows_.empty() && rows_.front().offer <= cycle) {
    Row& row = rows_.front();
    pins.valid = true;
    if (!row.payload.empty()) {
      current_ = row.payload;
      pins.payload = current_.data();
    }
    if (row.arrive == cycle) {
      rows_.pop_front();
      --arrivals_known_;
      ++inside_;
    }
  }
  accepting_ = !accepts_.empty() && accepts_.front() == cycle;
  if (accepting_) {
    accepts_.pop_front();
    --inside_;
  }
  return pins;
}

void SinkTrack::taken(std::uint64_t cycle) {
  rows_[takes_known_++].take = cycle;
}

Pins SinkTrack::pins(std::uint64_t cycle, bool ready) {
  Pins pins{.valid = false, .ready = ready, .payload = nullptr};
  if (rows_.empty() || rows_.front().out > cycle) return pins;
  Row& row = rows_.front();
  pins.valid = true;
  if (!row.payload.empty()) {
    current_ = row.payload;
    pins.payload = current_.data();
  }
  if (row.take == cycle) {
    rows_.pop_front();
    --takes_known_;
  }
  return pins;
}

}  // namespace triad::cosim
