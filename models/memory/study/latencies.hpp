#pragma once
#include <map>
#include <vector>

#include "sim/device/traffic.hpp"

namespace triad::memory::study {

/// A distribution of cycles in memory that does not grow with how many there are: a count for every value below a
/// million, above it for steps of a thousandth, rounded up. The mean and both ends are exact.
class Latencies {
 public:
  void add(std::uint64_t cycles);
  device::Latency figures() const;

 private:
  static constexpr std::uint64_t exact = 1u << 20;
  std::uint64_t within(double share) const;

  std::vector<std::uint64_t> counts_;            // of the values below `exact`
  std::map<std::uint64_t, std::uint64_t> long_;  // of those from there on, by their upper bound
  std::uint64_t count_ = 0, least_ = ~std::uint64_t{0}, most_ = 0;
  double sum_ = 0;
};

}  // namespace triad::memory::study
