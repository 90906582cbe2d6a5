#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/kit/clock.hpp"

namespace triad::kit {

/// Bytes of an on-chip memory: `rows` rows of `row_bytes` bytes, `pitch` bytes from the begin of one to that of the
/// next.
struct Range {
  std::uint64_t begin = 0, row_bytes = 0, rows = 1, pitch = 0;
  /// One past the last byte.
  std::uint64_t end() const { return rows == 0 ? begin : begin + (rows - 1) * pitch + row_bytes; }
};

/// What a unit does with a range. `update`: it reads what is there, then writes. `add`: a port that adds to what is
/// there, in order: its own uses may overlap one another.
enum class Access { read, write, update, add };

/// On-chip memory that software manages. A unit that uses a range says so for as long as it does; with checks on, these
/// are hazards: two uses that overlap, at least one of them a write (values would be read before they are valid, or
/// overwritten before they are read), and reading bytes that nobody has written in this step. Contents move at the
/// cycle at which a unit's write ends.
class Scratchpad {
 public:
  Scratchpad(std::uint64_t bytes, bool check) : check_(check), data_(bytes) {}
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
  struct Use {
    int id;
    std::string who;
    Range range;
    Access access;
    Cycle since;
  };
  bool is_valid(const Range& range) const;
  void mark_valid(const Range& range);

  bool check_;
  std::vector<std::byte> data_;
  std::vector<Use> uses_;
  std::map<std::uint64_t, std::uint64_t> valid_;  ///< begin -> end of what was written; disjoint, nothing touches
  int next_ = 0;
};

}  // namespace triad::kit
