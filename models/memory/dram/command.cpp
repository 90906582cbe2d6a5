#include "models/memory/dram/command.hpp"

#include <array>
#include <cstddef>

namespace triad::memory::dram {

const char* to_string(Command command) {
  constexpr std::array names{"ACT", "PRE", "PREA", "RD", "RDA", "WR", "WRA", "REFab", "REFpb"};
  return names[static_cast<std::size_t>(command)];
}

}  // namespace triad::memory::dram
