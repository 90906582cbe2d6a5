#pragma once
#include <vector>

#include "models/memory/dram/banks.hpp"
#include "models/memory/dram/run.hpp"

namespace triad::memory::dram {

/// What a channel did. Where the cycles of its data bus went sums to the cycles that have passed (Eyerman et al.,
/// ISPASS 2022, "bandwidth stacks"): in use, or why the next burst could not follow the one before.
struct Statistics {
  std::uint64_t activates = 0, precharges = 0, reads = 0, writes = 0,
                refreshes = 0;  ///< commands; reads, writes: columns
  std::uint64_t forwarded = 0;  ///< read columns served from the write queue
  // cycles of the data bus
  std::uint64_t reading = 0, writing = 0;
  std::uint64_t refreshing = 0;  ///< a refresh lay between
  std::uint64_t row = 0;         ///< the burst waited for its row: precharge, activate, tFAW
  std::uint64_t turnaround = 0;  ///< between reads and writes, between ranks
  std::uint64_t bank_group = 0;  ///< tCCD_L
  std::uint64_t command = 0;     ///< another command was on the bus
  std::uint64_t idle = 0;        ///< no column waited
};

/// The controller of one (pseudo) channel.
///
/// Columns enter the read or the write queue in order of arrival, as soon as there is room (the first one that has no
/// room holds up those behind it). FR-FCFS: of the commands that may be issued in a cycle, a column of an open row
/// goes first, then the oldest column's precharge or activate; a row stays open while columns of it are queued; a
/// column that waits longer than `starvation` goes before all. Reads are served until the write queue holds
/// `write_high` columns or no read waits; then writes, until it is empty, or holds `write_low` and a read waits. A read
/// of a column that waits in the write queue is served from it. A refresh that is due goes before everything.
///
/// Event-driven: `advance` jumps from command to command, and over the columns of a run that streams through open rows
/// at once.
class Controller {
 public:
  /// `slot`: the number of the pseudo channel in its channel. `observer` may be null.
  Controller(const Parameters& parameters, int slot, Observer* observer);
  /// Appends columns. `arrival`: not before an earlier one's, and not before what `advance` was asked for.
  void push(const Run& run, Cycle arrival);
  /// Issues every command before `until`, and appends what was served and transferred.
  void advance(Cycle until, std::vector<Served>& served, std::vector<Transfer>& transfers);
  /// Nothing that is pushed later and no command that has not been issued yet can be served (Served::last) before this
  /// cycle: when to advance again. Unit::never when nothing is queued.
  Cycle next() const;
  /// Columns pushed that have not entered a queue.
  std::uint64_t backlog() const;
  /// Nothing is pushed, queued or on the bus.
  bool idle() const;
  const Statistics& statistics() const;
};

}  // namespace triad::memory::dram
