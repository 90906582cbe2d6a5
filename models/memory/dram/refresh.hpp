#pragma once
#include <vector>

#include "models/memory/dram/parameters.hpp"

namespace triad::memory::dram {

/// When which refresh is due. All banks: every rank once in tREFI, the ranks spread evenly over it. Per bank: every
/// tREFI / banks of a rank the next bank in turn. The first one is due an interval (and the rank's share of it) after
/// cycle 0.
class Refresh {
 public:
  static constexpr Cycle never = ~Cycle{0};
  explicit Refresh(const Parameters& parameters);

  bool per_bank() const { return policy_ == RefreshPolicy::per_bank; }
  int ranks() const { return static_cast<int>(ranks_.size()); }
  /// The earliest cycle at which a refresh is due that has not been done.
  Cycle due() const { return due_; }
  /// The earliest cycle after `now` at which one falls due.
  Cycle next_due(Cycle now) const { return due_ > now ? due_ : due_after(now); }
  bool is_due(int rank, Cycle now) const { return ranks_[static_cast<std::size_t>(rank)].due <= now; }
  /// The bank (flat) that the rank's next refresh is for; all banks: the rank's first.
  int bank(int rank) const { return ranks_[static_cast<std::size_t>(rank)].bank; }
  /// When the rank's refresh after that falls due.
  Cycle following(int rank) const;
  /// Must the bank be left alone, because a refresh of it is due?
  bool holds(int rank, int bank, Cycle now) const {
    const Rank& r = ranks_[static_cast<std::size_t>(rank)];
    return r.due <= now && (!per_bank() || r.bank == bank);
  }
  /// The rank's refresh has been issued: on to the next one.
  void done(int rank);

 private:
  struct Rank {
    Cycle due = never;
    std::uint64_t count = 0;
    int bank = 0, first = 0;
  };
  Cycle due_after(Cycle now) const;
  std::uint64_t parts() const { return per_bank() ? static_cast<std::uint64_t>(banks_) : 1; }
  Cycle due(std::uint64_t count, std::size_t rank) const;
  void settle(Rank& rank, std::size_t number);

  RefreshPolicy policy_;
  Cycle interval_ = 0;  ///< of all banks of a rank
  int banks_;           ///< of a rank
  std::vector<Rank> ranks_;
  Cycle due_ = never;
};

}  // namespace triad::memory::dram
