#include "models/gpu/sm/access.hpp"

#include <algorithm>
#include <bit>

#include "models/memory/scratchpad/bank_load.hpp"

namespace triad::gpu {

int bank_cycles(const LaneAddresses& addresses, std::uint32_t lanes, int bytes, int banks) {
  constexpr std::uint64_t word_bytes = 4;
  const int words = std::max(1, bytes / static_cast<int>(word_bytes));  // of a lane
  const int part = warp_size / words;                                   // lanes that go together
  int cycles = 0;
  for (int first = 0; first < warp_size; first += part) {
    memory::scratchpad::BankLoad<warp_size, warp_size> load;
    for (int lane = first; lane < first + part; ++lane) {
      if (((lanes >> lane) & 1u) == 0) continue;
      for (int w = 0; w < words; ++w) {
        const std::uint64_t word = addresses[lane] / word_bytes + static_cast<std::uint64_t>(w);
        load.add(word, word % static_cast<std::uint64_t>(banks));
      }
    }
    cycles += load.most();
  }
  return std::max(1, cycles);
}

Sectors coalesce(const LaneAddresses& addresses, std::uint32_t lanes) {
  Sectors sectors;
  bool ascending = true;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const std::uint64_t sector = addresses[std::countr_zero(rest)] / sector_bytes;
    if (sectors.count > 0) {
      const std::uint64_t last = sectors.number[sectors.count - 1];
      if (sector == last) continue;
      ascending &= sector > last;
    }
    sectors.number[sectors.count++] = sector;
  }
  if (!ascending) {
    const auto begin = sectors.number.begin();
    std::sort(begin, begin + sectors.count);
    sectors.count = static_cast<int>(std::unique(begin, begin + sectors.count) - begin);
  }
  return sectors;
}

void cut_into_ranges(const Sectors& sectors, std::vector<SectorRange>& ranges) {
  ranges.clear();
  for (int i = 0; i < sectors.count;) {
    SectorRange run{sectors.number[i], 1, 1, 0};
    for (++i; i < sectors.count && sectors.number[i] == run.first + run.length; ++i) ++run.length;
    if (!ranges.empty() && ranges.back().length == run.length) {
      SectorRange& last = ranges.back();
      const std::uint64_t distance = run.first - (last.first + (last.rows - 1) * last.stride);
      if (last.rows == 1 || distance == last.stride) {
        last.stride = distance;
        ++last.rows;
        continue;
      }
    }
    ranges.push_back(run);
  }
}

}  // namespace triad::gpu
