#include <fmt/format.h>

#include "models/tpu/systolic/payload.hpp"
#include "models/tpu/systolic/twin_core.hpp"
#include "sim/numerics/format.hpp"

namespace triad::systolic {

LockstepCore::LockstepCore(const CoreOptions& options, const cosim::TwinFactory& make)
    : name_(options.name),
      stalls_(options.stalls),
      model_(options, this),
      lockstep_(options.name, make, options.waveforms),
      weights_(fifo_depth, weight_words(options.columns)),
      rows_(fifo_depth, row_words(options.rows)),
      results_(options.columns) {}

void LockstepCore::offered(Port port, std::uint64_t cycle, const std::uint16_t* row, bool swap) {
  if (port == Port::weights) return weights_.offered(cycle, weight_payload(row, columns()));
  rows_.offered(cycle, row_payload(row, rows(), swap));
}

void LockstepCore::produced(std::uint64_t cycle, const float* row) {
  std::vector<std::uint32_t> words;
  for (int c = 0; row != nullptr && c < columns(); ++c) words.push_back(numerics::bits_of(row[c]));
  results_.produced(cycle, std::move(words));
}

void LockstepCore::replay_to(std::uint64_t cycle) {
  std::vector<cosim::Pins> pins(3);
  std::vector<bool> events(2);
  while (lockstep_.now() < cycle) {
    const std::uint64_t now = lockstep_.now();
    pins[static_cast<int>(Port::weights)] = weights_.pins(now);
    pins[static_cast<int>(Port::rows)] = rows_.pins(now);
    pins[static_cast<int>(Port::results)] = results_.pins(now, !stalls_.stalled(static_cast<int>(Port::results), now));
    events[static_cast<int>(Port::weights)] = weights_.accepting();
    events[static_cast<int>(Port::rows)] = rows_.accepting();
    lockstep_.cycle(pins, events);
  }
}

void LockstepCore::advance_to(std::uint64_t cycle) {
  model_.advance_to(cycle);
  replay_to(cycle);
}

void LockstepCore::reset() {
  model_.reset();
  lockstep_.reset_cycle();
  weights_ = cosim::SourceTrack(fifo_depth, weight_words(columns()));
  rows_ = cosim::SourceTrack(fifo_depth, row_words(rows()));
  results_ = cosim::SinkTrack(columns());
}

void LockstepCore::finish() {
  model_.finish();
  replay_to(lockstep_.now() + latency_cycles() + result_slots(rows(), columns()));
  if (!weights_.empty() || !rows_.empty() || !results_.empty()) {
    throw device::Fault(fmt::format("{}: transfers are left over at the end of lockstep", name_));
  }
}

}  // namespace triad::systolic
