#include "models/memory/dram/refresh.hpp"

#include <algorithm>

namespace triad::memory::dram {

Refresh::Refresh(const Parameters& parameters)
    : policy_(parameters.scheduler.refresh),
      interval_(static_cast<Cycle>(parameters.timing.tREFI)),
      banks_(parameters.organization.banks_per_rank()),
      ranks_(static_cast<std::size_t>(parameters.organization.ranks)) {
  if (interval_ == 0) policy_ = RefreshPolicy::none;  // the standard has none (Timing)
  for (std::size_t r = 0; r < ranks_.size(); ++r) {
    ranks_[r].first = ranks_[r].bank = static_cast<int>(r) * banks_;
    if (policy_ != RefreshPolicy::none) settle(ranks_[r], r);
  }
  due_ = due_after(0);
}

Cycle Refresh::due(std::uint64_t count, std::size_t rank) const {
  // From the count, not from the last one: intervals that are no whole cycles do not drift.
  return ((count + 1) * interval_ + rank * interval_ / ranks_.size()) / parts();
}

Cycle Refresh::following(int rank) const {
  const auto r = static_cast<std::size_t>(rank);
  return due(ranks_[r].count + 1, r);
}

void Refresh::settle(Rank& rank, std::size_t number) {
  rank.due = due(rank.count, number);
  if (per_bank()) rank.bank = rank.first + static_cast<int>(rank.count % parts());
}

Cycle Refresh::due_after(Cycle now) const {
  Cycle next = never;
  for (const Rank& rank : ranks_) {
    if (rank.due > now) next = std::min(next, rank.due);
  }
  return next;
}

void Refresh::done(int rank) {
  Rank& r = ranks_[static_cast<std::size_t>(rank)];
  ++r.count;
  settle(r, static_cast<std::size_t>(rank));
  due_ = never;
  for (const Rank& each : ranks_) due_ = std::min(due_, each.due);
}

}  // namespace triad::memory::dram
