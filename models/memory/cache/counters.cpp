#include "models/memory/cache/counters.hpp"

namespace triad::memory::cache {

const char* to_string(Event event) {
  static constexpr std::array<const char*, event_count> names{
      "reads",     "writes",      "hits",       "misses",          "sector_misses",
      "merged",    "fetches",     "fills",      "evictions",       "writebacks",
      "writes_on", "tag_lookups", "tag_writes", "data_read_bytes", "data_written_bytes"};
  return names[static_cast<std::size_t>(event)];
}

const char* to_string(Stall stall) {
  static constexpr std::array<const char*, stall_count> names{
      "none", "bank", "set", "mshr", "merge", "reply queue", "miss queue", "writeback queue", "writes", "flush"};
  return names[static_cast<std::size_t>(stall)];
}

}  // namespace triad::memory::cache
