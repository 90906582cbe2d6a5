#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/kit/uses.hpp"

namespace triad::kit {

/// On-chip memory that software manages. A unit that uses a range says so for as long as it does; with checks on, these
/// are hazards: two uses that overlap, at least one of them a write (see Uses), and reading bytes that nobody has
/// written in this step. Contents move at the cycle at which a unit's write ends.
class Scratchpad {
 public:
  Scratchpad(std::uint64_t bytes, bool check) : data_(bytes), uses_("on-chip bytes", check) {}
  std::uint64_t size() const { return data_.size(); }

  /// Announces a use by `who`, from now until `release`. Throws device::Fault on a hazard and when the range leaves the
  /// memory. Returns the use's number.
  int use(const std::string& who, const Range& range, Access access, Cycle now);
  void release(int use);
  /// A step begins: what is left of the one before is not to be read.
  void forget() { valid_.clear(); }

  const std::byte* at(std::uint64_t address) const { return data_.data() + address; }
  std::byte* at(std::uint64_t address) { return data_.data() + address; }

 private:
  bool is_valid(const Range& range) const;
  void mark_valid(const Range& range);

  std::vector<std::byte> data_;
  Uses uses_;
  std::map<std::uint64_t, std::uint64_t> valid_;  ///< begin -> end of what was written; disjoint, nothing touches
};

}  // namespace triad::kit
