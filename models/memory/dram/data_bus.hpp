#pragma once
#include <vector>

#include "models/memory/dram/run.hpp"

namespace triad::memory::dram {

/// What a channel did. Where the cycles of its data bus went sums to the cycles that have passed (Eyerman et al.,
/// ISPASS 2022, "bandwidth stacks"): in use, or why the next burst could not follow the one before.
struct Statistics {
  std::uint64_t activates = 0, precharges = 0, reads = 0, writes = 0,
                refreshes = 0;  ///< commands; reads, writes: columns; auto-precharges count, one PREA is one
  std::uint64_t forwarded = 0;  ///< read columns served from the write queue
  // cycles of the data bus
  std::uint64_t reading = 0, writing = 0;
  std::uint64_t refreshing = 0;  ///< a refresh lay between
  std::uint64_t row = 0;         ///< the burst waited for its row: precharge, activate, tFAW
  std::uint64_t turnaround = 0;  ///< between reads and writes, between ranks
  std::uint64_t bank_group = 0;  ///< tCCD_L (and tCCD_S beyond the burst)
  std::uint64_t command = 0;     ///< another command was on the bus, or it was not the pseudo channel's turn
  std::uint64_t idle = 0;        ///< no column waited
  /// All cycles of the data bus: up to where the controller has advanced, or to the end of the last burst.
  std::uint64_t cycles() const {
    return reading + writing + refreshing + row + turnaround + bank_group + command + idle;
  }
};

/// A channel's data bus: accounts every cycle of it.
class DataBus {
 public:
  /// Until when (in cycles of commands) a column could not be issued, by reason. Where several reasons hold in a cycle,
  /// the first of them is to blame.
  struct Reasons {
    Cycle idle = 0, refreshing = 0, row = 0, turnaround = 0, bank_group = 0;
  };
  explicit DataBus(int burst_cycles) : burst_(static_cast<Cycle>(burst_cycles)) {}

  /// The end of the last burst.
  Cycle end() const { return end_; }
  bool idle(Cycle now) const { return end_ <= now && transfer_.columns == 0; }
  /// A column that is issued at `at` has its data `latency` later. Appends the transfer before, if this burst does not
  /// go on with it.
  void burst(Cycle at, Cycle latency, bool write, activity::Tag tag, const Reasons& reasons,
             std::vector<Transfer>& transfers);
  /// `columns` more bursts of the kind before, back to back.
  void more(std::uint32_t columns);
  /// No burst begins before `begin`: appends the transfer that no later one can go on with.
  void settle(Cycle begin, std::vector<Transfer>& transfers);
  /// Accounts what lies between the last burst and `now`.
  void account(Cycle now, Cycle latency, const Reasons& reasons);

  Statistics statistics;

 private:
  Cycle burst_, end_ = 0;
  Transfer transfer_;
};

}  // namespace triad::memory::dram
