#pragma once
#include <map>
#include <span>
#include <vector>

#include "models/tpu/isa.hpp"

namespace triad::tpu {

/// Finds what an instruction must wait for: it follows which unit last wrote and read every range of on-chip and device
/// memory. A reader waits for the writers; a writer waits for readers and writers. Writes of one group of instructions
/// (an op, or a part of one) do not wait for one another: the compiler never lets two units write the same element in a
/// group, and a matrix unit adds to its results in order.
class Dependences {
 public:
  enum class Space { vmem, memory };
  struct Access {
    Space space;
    std::uint64_t begin, end;  ///< bytes; of a strided range from its first to its last byte
    bool write;
  };
  explicit Dependences(int units);
  /// The next instruction of `unit`: registers its accesses and returns what it waits for, without what an earlier
  /// instruction of the same queue has waited for.
  std::vector<Wait> add(int unit, int group, std::span<const Access> accesses);
  /// Instructions of a unit so far.
  std::uint64_t issued(int unit) const { return issued_[static_cast<std::size_t>(unit)]; }
  /// Forgets detail: at most `limit` ranges are told apart in each memory; where there are more, neighbours become one,
  /// for which a later instruction waits as for both. Called between ops it bounds the memory of a long program.
  void coarsen(std::size_t limit);

 private:
  using Counts = std::vector<std::uint64_t>;  ///< by unit: the latest of its instructions, 0 for none; empty: none
  struct Segment {
    std::uint64_t end = 0;
    int writer_group = -1;
    Counts writers, readers;  ///< since the group began to write
    Counts before;            ///< both, before that
  };
  using Ranges = std::map<std::uint64_t, Segment>;  ///< by begin; disjoint
  static void split(Ranges& ranges, std::uint64_t at);
  static void raise(Counts& to, const Counts& by);
  void raise(Counts& to, int unit, std::uint64_t count) const;
  template <class Visit>
  void for_segments(const Access& access, Visit visit);

  Ranges ranges_[2];
  Counts issued_;
  std::vector<Counts> waited_;
};

}  // namespace triad::tpu
