#pragma once
#include "models/memory/dram/command.hpp"
#include "models/memory/dram/parameters.hpp"

namespace triad::memory::dram {

/// The state of a channel's banks and what it allows: for every command the earliest cycle at which all timing
/// parameters are met.
class Banks {
 public:
  static constexpr std::int64_t closed = -1;
  explicit Banks(const Parameters& parameters);

  /// The row that is open in the bank (from its activate on), or `closed`.
  std::int64_t open_row(int bank) const;
  /// The earliest cycle at which the command meets every timing parameter, whatever the state of the bank's row: the
  /// caller knows that a read needs an open row. Commands to a rank ask for any of its banks.
  Cycle earliest(Command command, int bank) const;
  /// The command is issued. The caller asked for `earliest` (with checks on, the checker would name the violation).
  void issue(Command command, int bank, std::int64_t row, Cycle at);
  /// `n` columns of one kind are issued in turn to the banks `ways[0..count)`, one every `period` cycles from `at` on:
  /// the state after them, at once. The same as n calls of `issue`.
  void issue_columns(Command command, const std::uint8_t* ways, int count, int first_way, std::uint32_t n, Cycle at,
                     Cycle period);
};

}  // namespace triad::memory::dram
