#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "models/gpu/isa/instruction.hpp"

/// What the addresses of a warp cost: bank conflicts in shared memory, sectors in global memory.
namespace triad::gpu {

inline constexpr std::uint64_t sector_bytes = 32;

/// Byte addresses of the lanes of a warp.
using LaneAddresses = std::array<std::uint64_t, warp_size>;

/// Cycles that the shared memory needs for an access of `bytes` per lane. A warp goes in parts of at most 128 bytes (32
/// lanes of up to 4 bytes, 16 of 8, 8 of 16); a part takes as many cycles as the most distinct words that one bank has
/// to deliver (lanes that name the same word share it). At least 1.
int bank_cycles(const LaneAddresses& addresses, std::uint32_t lanes, int bytes, int banks);

/// The distinct 32-byte sectors that a warp touches, ascending; an aligned access of a lane lies in one sector.
struct Sectors {
  std::array<std::uint64_t, warp_size> number{};  ///< address / 32
  int count = 0;
};
Sectors coalesce(const LaneAddresses& addresses, std::uint32_t lanes);

/// Equally long runs of sectors at equal distances: what one request to memory can name.
struct SectorRange {
  std::uint64_t first = 0;   ///< sector
  std::uint64_t length = 1;  ///< sectors in a row
  std::uint64_t rows = 1;    ///< runs
  std::uint64_t stride = 0;  ///< sectors from one run to the next
};
/// Cuts sectors into ranges, greedily from the lowest address.
void cut_into_ranges(const Sectors& sectors, std::vector<SectorRange>& ranges);

}  // namespace triad::gpu
