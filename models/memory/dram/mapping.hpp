#pragma once
#include <vector>

#include "models/memory/dram/parameters.hpp"
#include "models/memory/dram/run.hpp"

namespace triad::memory::dram {

/// Where one byte lies.
struct Place {
  int controller = 0;  ///< (pseudo) channel
  int bank = 0;        ///< flat
  std::int64_t row = 0;
  int column = 0;
};

/// Cuts addresses into channels, banks, rows and columns. A bijection over the capacity; addresses beyond it wrap.
class Mapping {
 public:
  explicit Mapping(const Parameters& parameters);
  Place place(std::uint64_t address) const;
  /// The address of a place's first byte: the inverse.
  std::uint64_t address(const Place& place) const;
  /// The runs of the bytes [address, address + bytes), whole columns, channel by channel in order of address: calls
  /// `visit(controller, run)` (the run has no request, direction or tag yet). Costs the runs, not the columns.
  template <class Visit>
  void split(std::uint64_t address, std::uint64_t bytes, const Visit& visit) const;
};

}  // namespace triad::memory::dram
