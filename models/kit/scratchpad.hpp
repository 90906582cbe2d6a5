#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/kit/clock.hpp"

namespace triad::kit {

/// On-chip memory that software manages. A unit that uses a range says so for as long as it does; with checks on, two
/// uses that overlap, at least one of them a write, are a hazard: values would be read before they are valid, or
/// overwritten before they are read. Contents move at the cycle at which a unit's write ends.
class Scratchpad {
 public:
  Scratchpad(std::uint64_t bytes, bool check) : check_(check), data_(bytes) {}
  std::uint64_t size() const { return data_.size(); }

  /// Announces a use of bytes [begin, end) by `who`, from now until `release`. Throws device::Fault on a hazard and
  /// when the range leaves the memory. Returns the use's number.
  int use(const std::string& who, std::uint64_t begin, std::uint64_t end, bool write, Cycle now);
  void release(int use);

  const std::byte* at(std::uint64_t address) const { return data_.data() + address; }
  std::byte* at(std::uint64_t address) { return data_.data() + address; }

 private:
  struct Use {
    int id;
    std::string who;
    std::uint64_t begin, end;
    bool write;
    Cycle since;
  };
  bool check_;
  std::vector<std::byte> data_;
  std::vector<Use> uses_;
  int next_ = 0;
};

}  // namespace triad::kit
