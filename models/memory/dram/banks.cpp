#include "models/memory/dram/banks.hpp"

namespace triad::memory::dram {

Banks::Banks(const Parameters& parameters) {
  const Organization& o = parameters.organization;
  const Timing& t = parameters.timing;
  const auto cycles = [](int n) { return static_cast<Cycle>(std::max(n, 0)); };

  banks_per_rank_ = static_cast<std::size_t>(o.banks_per_rank());
  banks_.resize(static_cast<std::size_t>(o.all_banks()));
  for (std::size_t b = 0; b < banks_.size(); ++b) {
    banks_[b].group = static_cast<std::uint32_t>(b) / static_cast<std::uint32_t>(o.banks);
    banks_[b].rank = static_cast<std::uint32_t>(b) / static_cast<std::uint32_t>(o.banks_per_rank());
  }
  groups_.resize(static_cast<std::size_t>(o.ranks * o.bank_groups));
  ranks_.resize(static_cast<std::size_t>(o.ranks));

  const Cycle same = cycles(std::max(t.tCCD_L, t.tBURST)), other = cycles(std::max(t.tCCD_S, t.tBURST));
  const Cycle switch_rank = cycles(t.tBURST + t.tRTRS);
  const Cycle read_to_write = cycles(std::max(t.tRTW, t.tCL + t.tBURST - t.tCWL));
  const int written = t.tCWL + t.tBURST;  // the write's data are in
  after_column_[0] = {.same_group = {same, read_to_write},
                      .same_rank = {other, read_to_write},
                      .other_rank = {switch_rank, cycles(t.tCL + t.tBURST + t.tRTRS - t.tCWL)},
                      .precharge = cycles(t.tRTP)};
  after_column_[1] = {.same_group = {cycles(written + t.tWTR_L), same},
                      .same_rank = {cycles(written + t.tWTR_S), other},
                      .other_rank = {cycles(written + t.tRTRS - t.tCL), switch_rank},
                      .precharge = cycles(written + t.tWR)};
  activate_to_column_ = {cycles(t.tRCDRD), cycles(t.tRCDWR)};
  activate_to_precharge_ = cycles(t.tRAS);
  precharge_to_activate_ = cycles(t.tRP);
  same_bank_ = cycles(t.tRC);
  activate_same_group_ = cycles(t.tRRD_L);
  activate_same_rank_ = cycles(t.tRRD_S);
  four_activates_ = cycles(t.tFAW);
  refresh_ = cycles(t.tRFC);
  refresh_bank_ = cycles(t.tRFCpb);
  refresh_other_bank_ = cycles(t.tRREFD);
}

Cycle Banks::earliest_of_rank(Command command, int bank) const {
  const std::size_t k = kind(command);
  const std::size_t begin = banks_[static_cast<std::size_t>(bank)].rank * banks_per_rank_;
  Cycle latest = 0;
  for (std::size_t b = begin; b < begin + banks_per_rank_; ++b) raise(latest, banks_[b].next[k]);
  return latest;
}

void Banks::issue_row(Command command, Bank& b, Cycle at) {
  if (command == Command::refresh_bank) {
    raise(b.next[activate], at + refresh_bank_);
    raise(b.next[precharge], at + refresh_bank_);
    activated(b, at, at + refresh_other_bank_, at + refresh_other_bank_);
    return;
  }
  Bank* const first = &banks_[b.rank * banks_per_rank_];
  for (Bank* each = first; each != first + banks_per_rank_; ++each) {
    if (command == Command::precharge_all) {
      close(*each, at);
    } else {
      raise(each->next[activate], at + refresh_);
      raise(each->next[precharge], at + refresh_);
    }
  }
}

}  // namespace triad::memory::dram
