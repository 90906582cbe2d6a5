#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/kit/clock.hpp"
#include "models/kit/range.hpp"

namespace triad::kit {

/// What a unit does with a range. `update`: it reads what is there, then writes. `add`: a port that adds to what is
/// there, in order: its own uses may overlap one another.
enum class Access { read, write, update, add };

/// "reads", for messages.
const char* verb(Access access);

/// The uses of a memory that are in flight. Two that overlap, at least one of them not a read, are a hazard: values
/// would be read before they are valid, or overwritten before they are read. Strided ranges overlap when two of their
/// rows do.
class Uses {
 public:
  struct Use {
    int id;
    std::string who;
    Range range;
    Access access;
    Cycle since;
  };
  /// `bytes`: what the memory's bytes are called in messages, "on-chip bytes". Without `check` nothing is followed.
  Uses(std::string bytes, bool check) : bytes_(std::move(bytes)), check_(check) {}

  /// A use by `who` begins. Throws device::Fault, which names both, when it is a hazard with one in flight. Returns the
  /// use's number.
  int begin(const std::string& who, const Range& range, Access access, Cycle now);
  /// A use ends. Returns it, or nothing when it is not in flight.
  std::optional<Use> end(int use);

  const std::string& bytes() const { return bytes_; }
  bool checks() const { return check_; }

 private:
  std::string bytes_;
  bool check_;
  std::vector<Use> uses_;
  int next_ = 0;
};

}  // namespace triad::kit
