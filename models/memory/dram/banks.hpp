#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

#include "models/memory/dram/command.hpp"
#include "models/memory/dram/parameters.hpp"

namespace triad::memory::dram {

/// The state of a channel's banks and what it allows: for every command the earliest cycle at which all timing
/// parameters are met. A command at cycle t allows (JESD79-4 chapter 4, JESD209-4, JESD235, JESD250):
///
///     ACT    ACT, REFpb   t + tRC same bank; t + tRRD_L same group, tRRD_S other group;
///                         t + tFAW the fourth after it in the rank
///            RD, WR       t + tRCDRD, t + tRCDWR          PRE  t + tRAS
///     PRE    ACT, REF     t + tRP, also of a bank that was closed before ("determined by the last PRECHARGE")
///     RD     RD           t + max(tCCD, tBURST) by group; other rank: t + tBURST + tRTRS
///            WR           t + max(tRTW, tCL + tBURST - tCWL); other rank: t + tCL + tBURST + tRTRS - tCWL
///            PRE          t + tRTP
///     WR     WR           as RD to RD                     PRE  t + tCWL + tBURST + tWR
///            RD           t + tCWL + tBURST + tWTR by group; other rank: t + tCWL + tBURST + tRTRS - tCL
///     RDA, WRA            as RD, WR; the bank precharges itself in the first cycle in which a PRE were allowed
///     REFab  ACT, REF, PRE  t + tRFC all banks of the rank
///     REFpb  ACT, REF, PRE  t + tRFCpb same bank; t + tRREFD ACT, REFpb of another one of the rank. It activates rows:
///                         it counts in tRRD and tFAW (JESD209-4: "activated, or refreshed in the case of REFpb")
///
/// A refresh of a bank is an activate of it in time: REF waits for tRC as well as for tRP.
class Banks {
 public:
  static constexpr std::int64_t closed = -1;
  explicit Banks(const Parameters& parameters);

  /// The row that is open in the bank (from its activate on), or `closed`.
  std::int64_t open_row(int bank) const { return banks_[static_cast<std::size_t>(bank)].row; }
  /// The earliest cycle at which the command meets every timing parameter, whatever the state of the bank's row: the
  /// caller knows that a read needs an open row, and a refresh a closed one. Commands to a rank ask for any of its
  /// banks.
  Cycle earliest(Command command, int bank) const {
    if (command == Command::precharge_all || command == Command::refresh_all) return earliest_of_rank(command, bank);
    return std::max(earliest_of_bank(kind(command), bank), earliest_around(kind(command), bank));
  }
  /// Commands by what they must wait for.
  enum Kind : std::size_t { activate, precharge, read, write, kinds };
  /// The two parts of `earliest`, of commands to one bank: what earlier commands to the bank itself allow (changes with
  /// them and with refreshes alone), and what those to its group, its rank and the other ranks allow.
  Cycle earliest_of_bank(std::size_t kind, int bank) const { return banks_[static_cast<std::size_t>(bank)].next[kind]; }
  Cycle earliest_around(std::size_t kind, int bank) const {
    const Bank& b = banks_[static_cast<std::size_t>(bank)];
    return earliest_around(kind, b.rank, b.group);
  }
  /// `group`: flat.
  Cycle earliest_around(std::size_t kind, std::size_t rank, std::size_t group) const {
    return std::max(groups_[group][kind], ranks_[rank].next[kind]);
  }
  /// The command is issued. The caller asked for `earliest` (with checks on, the checker would name the violation).
  void issue(Command command, int bank, std::int64_t row, Cycle at) {
    Bank& b = banks_[static_cast<std::size_t>(bank)];
    switch (command) {
      case Command::read:
      case Command::write:
        issue_column(b, kind(command), at);
        break;
      case Command::read_precharge:
      case Command::write_precharge:
        issue_column(b, kind(command), at);
        close(b, b.next[precharge]);  // after tRAS, tRTP, tWR: at the cycle that they allow
        break;
      case Command::activate:
        raise(b.next[activate], at + same_bank_);
        raise(b.next[precharge], at + activate_to_precharge_);
        raise(b.next[read], at + activate_to_column_[0]);
        raise(b.next[write], at + activate_to_column_[1]);
        b.row = row;
        activated(b, at, at + activate_same_group_, at + activate_same_rank_);
        break;
      case Command::precharge:
        close(b, at);
        break;
      default:
        issue_row(command, b, at);
    }
  }
  /// `n` columns of one kind are issued in turn to the banks `ways[0..count)`, all different, one every `period` cycles
  /// from `at` on: the state after them, at once. The same as n calls of `issue`.
  void issue_columns(Command command, const std::uint8_t* ways, int count, int first_way, std::uint32_t n, Cycle at,
                     Cycle period) {
    // What a column allows only grows with its cycle: the last column of every bank leaves the state.
    const auto last = std::min(n, static_cast<std::uint32_t>(count));
    for (std::uint32_t i = n - last; i < n; ++i) {
      const std::uint8_t bank = ways[(static_cast<std::uint32_t>(first_way) + i) % static_cast<std::uint32_t>(count)];
      issue(command, bank, closed, at + i * period);
    }
  }

 private:
  using Next = std::array<Cycle, kinds>;  ///< by kind: not before this cycle
  struct alignas(64) Bank {
    Next next{};
    std::int64_t row = closed;
    std::uint32_t group = 0, rank = 0;
  };
  struct Rank {
    Next next{};
    std::array<Cycle, 4> activates{};  ///< the last four, each + tFAW: not before it a fifth; a ring
    std::size_t oldest = 0;
  };
  /// What a column allows after so many cycles, by the kind of the column that follows.
  struct AfterColumn {
    std::array<Cycle, 2> same_group, same_rank, other_rank;
    Cycle precharge;
  };

  static std::size_t kind(Command command) {
    constexpr std::array<std::uint8_t, 9> kinds_of{activate, precharge, precharge, read,    read,
                                                   write,    write,     activate,  activate};
    return kinds_of[static_cast<std::size_t>(command)];
  }
  static void raise(Cycle& next, Cycle to) { next = std::max(next, to); }

  void issue_column(Bank& b, std::size_t k, Cycle at) {
    const AfterColumn& after = after_column_[k - read];
    raise(b.next[precharge], at + after.precharge);
    for (std::size_t c = 0; c < 2; ++c) {
      raise(groups_[b.group][read + c], at + after.same_group[c]);
      raise(ranks_[b.rank].next[read + c], at + after.same_rank[c]);
    }
    if (ranks_.size() > 1) {
      for (std::size_t r = 0; r < ranks_.size(); ++r) {
        if (r == b.rank) continue;
        for (std::size_t c = 0; c < 2; ++c) raise(ranks_[r].next[read + c], at + after.other_rank[c]);
      }
    }
  }
  /// The bank begins to precharge.
  void close(Bank& b, Cycle at) {
    raise(b.next[activate], at + precharge_to_activate_);
    b.row = closed;
  }
  /// A row of the bank is activated, or refreshed: when another bank of its group, of its rank may follow.
  void activated(const Bank& b, Cycle at, Cycle group, Cycle rank) {
    Rank& r = ranks_[b.rank];
    r.activates[r.oldest] = at + four_activates_;
    r.oldest = (r.oldest + 1) % r.activates.size();
    raise(groups_[b.group][activate], group);
    raise(r.next[activate], std::max(rank, r.activates[r.oldest]));
  }
  Cycle earliest_of_rank(Command command, int bank) const;
  void issue_row(Command command, Bank& b, Cycle at);  ///< precharge_all, refreshes

  std::vector<Bank> banks_;
  std::vector<Next> groups_;  ///< flat: rank * bank groups + group
  std::vector<Rank> ranks_;
  std::size_t banks_per_rank_;
  std::array<AfterColumn, 2> after_column_;  ///< of a read, of a write
  std::array<Cycle, 2> activate_to_column_;
  Cycle activate_to_precharge_, precharge_to_activate_;
  Cycle same_bank_, activate_same_group_, activate_same_rank_, four_activates_;
  Cycle refresh_, refresh_bank_, refresh_other_bank_;
};

}  // namespace triad::memory::dram
