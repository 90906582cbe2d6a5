#pragma once
#include <span>
#include <vector>

#include "models/memory/scratchpad/parameters.hpp"

namespace triad::memory::scratchpad {

/// When an access is served: words move in cycles [begin, end), the data of a read are there from `ready` on.
struct Service {
  Cycle begin = 0, end = 0, ready = 0;
  std::uint64_t words = 0;  ///< that moved
  Cycle conflicts = 0;      ///< cycles that its own words cost beyond one for each part
};

/// The ports of a scratchpad's banks and when they are free.
///
/// A port moves one word a cycle. An access of many lanes goes in parts of so many lanes as `width_bytes` hold (a lane
/// of less than a word counts as one), at least one. A part begins when the one before is done; its words are served
/// each by the port of its bank that is free first (of its own kind before one for either), and a word that several
/// lanes name is served once. Accesses reserve ports in the order in which they are presented: a later one never
/// delays an earlier one, and does not slip in before it. So an access alone takes, for each part,
///
///     max over banks of ceil(different words in the bank / ports)
///
/// cycles, and lanes at a stride of s words ceil(lanes * gcd(s, banks) / banks / ports) with words interleaved.
class Banks {
 public:
  static constexpr std::uint64_t no_lane = ~std::uint64_t{0};  ///< address of a lane that takes no part
  explicit Banks(const Parameters& parameters);

  /// An access of `bytes` per lane at the lanes' byte addresses is presented in cycle `now`, not before an earlier one.
  /// A lane that does not begin on a word may touch one more. Throws std::logic_error when `bytes` is neither whole
  /// words nor a word's part by a whole number, or more than a part has.
  Service serve(std::span<const std::uint64_t> lanes, std::uint64_t bytes, bool write, Cycle now);
  /// The same for `count` lanes, `stride` bytes apart from `base` on.
  Service serve(std::uint64_t base, std::int64_t stride, std::size_t count, std::uint64_t bytes, bool write, Cycle now);
  /// The first cycle from which a port of the bank is free for a read or a write.
  Cycle free(std::uint64_t bank, bool write) const;

 private:
  /// Ports of a bank: [0, read) to read, [read, read + write) to write, then those for either.
  struct Range {
    std::size_t own, own_end, shared, end;
  };
  Range ports(std::uint64_t bank, bool write) const;
  std::size_t first_free(const Range& range) const;

  Parameters parameters_;
  std::size_t ports_of_bank_;
  std::vector<Cycle> free_;  ///< by bank and port
  std::vector<std::uint64_t> lanes_;
};

}  // namespace triad::memory::scratchpad
