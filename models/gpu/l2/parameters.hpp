#pragma once
#include "models/memory/cache/parameters.hpp"
#include "models/memory/crossbar/parameters.hpp"

namespace triad::gpu {

using kit::Cycle;

/// A chip-wide cache in slices between the SMs and memory: `l2:` of a GPU's configuration, which may be absent.
///
///     l2:
///       slices: 80
///       slice: {size: 512 KiB, line: 128 B, sector: 32 B, ...}    # memory::cache::Parameters of each
///       crossbar: {flit: 40 B, header: 8 B, ...}                  # of both ways; memory::crossbar::Parameters
///       requests: 16384                                           # of the SMs, in flight
struct L2Parameters {
  int slices = 1;
  memory::cache::Parameters slice;
  memory::crossbar::Parameters requests;  ///< SMs to slices
  memory::crossbar::Parameters replies;   ///< slices to SMs
  int in_flight = 1;

  /// Throws config::Error.
  static L2Parameters read(const config::Node& node, int sms);
  /// Rows for `triad describe`.
  std::vector<std::pair<std::string, std::string>> describe() const;

  /// Where a byte of memory lies: lines take turns over the slices, and the turn rotates with the lines above it, so
  /// that no stride falls into few slices. (What real GPUs do is not published; that they spread strides is.)
  struct Place {
    int slice;
    std::uint64_t address;  ///< in the slice
  };
  Place place(std::uint64_t address) const;
  /// The inverse.
  std::uint64_t address(const Place& place) const;

 private:
  /// By how much the turns of a group of lines, one in every slice, are rotated: as good as random (multiplicative
  /// hashing, twice: Knuth, The Art of Computer Programming 3, 6.4).
  std::uint64_t rotation(std::uint64_t group) const;
};

}  // namespace triad::gpu
