#pragma once
#include <array>
#include <string>
#include <vector>

#include "models/gpu/sm/code.hpp"
#include "sim/activity/spans.hpp"

namespace triad::gpu {

using activity::Cycle;

/// When every register and predicate of one warp is valid, for `--check`: the machine itself does not look, it trusts
/// the compiler's control bits. Lanes that a pending write does not concern may read. Where lanes of one register wait
/// for different writes, the latest time counts for all of them.
class Hazards {
 public:
  void start(int registers);

  /// What is wrong with issuing the instruction in this cycle on these lanes, or empty: a source or guard that is not
  /// valid yet (read after write), a target that an earlier instruction still reads (write after read) or will write
  /// later (write after write).
  std::string check(const Decoded& decoded, std::uint32_t guarded, std::uint32_t active, Cycle now) const;

  /// The instruction issued: its targets are valid from `valid` on (never: until `arrived`), its sources are read
  /// until `read`.
  void issued(const Decoded& decoded, std::uint32_t lanes, Cycle valid, Cycle read);
  /// The result of a global load is there.
  void arrived(int first, int count, Cycle valid);
  void sources_read(int first, int count, Cycle read);

 private:
  struct Value {
    Cycle valid = 0;          ///< first cycle in which it may be read
    std::uint32_t lanes = 0;  ///< that wait for it
    Cycle read = 0;           ///< first cycle in which it may be overwritten
  };
  std::vector<Value> registers_;
  std::array<Value, 8> predicates_;
};

}  // namespace triad::gpu
