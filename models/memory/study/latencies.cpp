#include "models/memory/study/latencies.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace triad::memory::study {

void Latencies::add(std::uint64_t cycles) {
  ++count_;
  sum_ += static_cast<double>(cycles);
  least_ = std::min(least_, cycles);
  most_ = std::max(most_, cycles);
  if (cycles < exact) {
    if (cycles >= counts_.size()) counts_.resize(std::bit_ceil(cycles + 1));
    ++counts_[cycles];
    return;
  }
  const int dropped = std::bit_width(cycles) - 11;  // ten bits below the first one stay
  const std::uint64_t step = (cycles - 1) >> dropped;
  ++long_[(step + 1) << dropped];
}

/// The least value within which that share of all lie (nearest rank).
std::uint64_t Latencies::within(double share) const {
  auto left = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  for (std::size_t value = 0; value < counts_.size(); ++value) {
    if (left <= counts_[value]) return value;
    left -= counts_[value];
  }
  for (const auto& [value, n] : long_) {
    if (left <= n) return std::min(value, most_);
    left -= n;
  }
  return most_;
}

device::Latency Latencies::figures() const {
  if (count_ == 0) return {};
  return {count_, sum_ / static_cast<double>(count_), least_, within(0.5), within(0.95), within(0.99), most_};
}

}  // namespace triad::memory::study
