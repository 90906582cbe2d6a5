#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "models/memory/dram/command.hpp"
#include "models/memory/dram/parameters.hpp"

namespace triad::memory::dram {

/// Holds every command of a channel to the standard, apart from the controller's own bookkeeping: timing between each
/// pair of commands, tFAW, the state of rows, one command per bus and cycle, no two bursts on the data bus at once,
/// refresh in time. Throws device::Fault that names the violated parameter, both commands and the cycle that would be
/// right. A command that is refused has not happened.
///
/// The rules are those of JEDEC's command timing tables (DDR3: JESD79-3, DDR4: JESD79-4, LPDDR4: JESD209-4, LPDDR5:
/// JESD209-5, GDDR6: JESD250, HBM: JESD235 and JESD238). Each compares a command with the last one of a kind within a
/// scope: a constant number of look-ups a command, whatever the history.
///
/// Not checked: in which cycles a pseudo channel may use the shared command bus; pulled-in refreshes (the limit of
/// eight ahead).
class Checker : public Observer {
 public:
  /// How near the previous command must have been for a rule to apply.
  enum class Scope { bank, group, rank, other_rank };
  /// What the previous command was; a read with auto-precharge counts as both of its kinds, a write with auto-precharge
  /// as a write. A bank is precharged by PRE and by PREA.
  enum class Kind { activate, precharge, read, read_precharge, write, refresh_all, refresh_bank };
  /// `next` comes no sooner than `cycles` after the last `previous` within `scope`.
  struct Rule {
    Kind previous;
    Command next;
    Scope scope;
    Cycle cycles;
    std::string parameter;  ///< by its JEDEC name, or the sum that it is: "tCWL + tBURST + tWR"
  };
  /// All rules between pairs of commands.
  static std::vector<Rule> rules(const Parameters& parameters);

  Checker(const Parameters& parameters, std::string channel);
  void command(const Issued& issued) override;

 private:
  static constexpr int kinds = 7;
  static constexpr Cycle none = ~Cycle{0};
  static constexpr Cycle most_postponed = 9;  ///< JESD79-4, refresh command: eight may be postponed, so nine tREFI
  struct Last {
    Cycle at = none;
    Command command{};
    int bank = 0;
  };
  struct Place {
    int bank, group, rank;
  };
  /// A rule as it is looked up.
  struct Compiled {
    int kind;
    Scope scope;
    Cycle cycles;
    int rule;  ///< number in rules_
  };

  Place place(int bank) const;
  const Last& last(Scope scope, int kind, const Place& place) const;
  void check_order(const Issued& issued) const;
  void check_timing(const Issued& issued, const Place& place) const;
  void check_row(const Issued& issued, const Place& place) const;
  void check_data_bus(const Issued& issued) const;
  void check_refresh(const Issued& issued) const;
  void record(const Issued& issued, const Place& place);
  void record(Kind kind, const Issued& issued, const Place& place);
  void refreshed(int first_bank, int banks, Cycle at);
  Cycle data_begin(const Issued& issued) const;
  [[noreturn]] void fail(const Issued& issued, const std::string& what) const;

  std::string channel_;
  Organization organization_;
  Timing timing_;
  bool dual_command_, refreshes_;
  std::vector<Rule> rules_;
  std::array<std::vector<Compiled>, 9> by_next_;  ///< by Command
  std::vector<Last> of_bank_, of_group_, of_rank_;
  std::vector<std::int64_t> row_;  ///< that is open, by bank; -1: closed
  /// The last four commands of each rank that open a row inside: activates, and refreshes of one bank. The oldest one
  /// is at four_next_.
  std::vector<std::array<Last, 4>> four_;
  std::vector<int> four_next_;
  std::array<Last, 2> on_bus_;  ///< of the row commands, of the column commands; without dual_command_ the same
  Last newest_;
  Last burst_;                    ///< the last column command
  Cycle burst_end_ = 0;           ///< end of its data
  std::vector<Cycle> refreshed_;  ///< by bank; from the begin on
  Cycle refresh_deadline_ = 0;
  int refresh_first_ = 0;  ///< the bank whose deadline that is
};

}  // namespace triad::memory::dram
