#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/activity/spans.hpp"
#include "sim/config/node.hpp"

/// DRAM to the command: what may be issued when (banks), where an address lies (mapping), in which order requests are
/// served (controller), and who watches it all (checker). Plain C++ that counts cycles of the command clock; no
/// SystemC process, no data.
namespace triad::memory::dram {

using activity::Cycle;

/// What one channel is made of. A pseudo channel has banks and a data bus of its own and shares the command bus: pseudo
/// channel p of P issues in cycles that are p modulo P, so it is modelled as a channel of its own everywhere below
/// ("channel" is a pseudo channel where there are some).
struct Organization {
  int channels = 1;         ///< of the device
  int pseudo_channels = 1;  ///< in a channel
  int ranks = 1;
  int bank_groups = 1;      ///< in a rank
  int banks = 8;            ///< in a bank group
  std::int64_t rows = 0;    ///< in a bank; need not be a power of two (24 Gbit dies)
  int columns = 0;          ///< bursts in a row: row bytes / access bytes
  int bus_bits = 64;        ///< data bus of a (pseudo) channel
  int burst_length = 8;     ///< beats of a burst
  int beats_per_clock = 2;  ///< of the command clock: 2 in DDR, 8 in GDDR6 and LPDDR5 (WCK)

  /// (Pseudo) channels in all.
  int controllers() const { return channels * pseudo_channels; }
  int banks_per_rank() const { return bank_groups * banks; }
  int all_banks() const { return ranks * banks_per_rank(); }
  /// Bytes of one column access (a burst): the smallest transfer.
  std::uint64_t access_bytes() const {
    return static_cast<std::uint64_t>(bus_bits / 8) * static_cast<std::uint64_t>(burst_length);
  }
  std::uint64_t row_bytes() const { return access_bytes() * static_cast<std::uint64_t>(columns); }
  /// Of all (pseudo) channels.
  std::uint64_t capacity() const {
    return row_bytes() * static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(all_banks()) *
           static_cast<std::uint64_t>(controllers());
  }
};

/// Timing parameters in cycles of the command clock, by their JEDEC names; 0: the standard has none. tCCD, tRRD and
/// tWTR: _S between bank groups, _L in one (equal where there are no groups).
struct Timing {
  int tBURST = 4;              ///< cycles of the data bus that a burst takes: burst length / beats per clock
  int tCL = 0, tCWL = 0;       ///< column command to its first data
  int tRCDRD = 0, tRCDWR = 0;  ///< activate to read, to write (tRCD, where they are one)
  int tRP = 0, tRAS = 0, tRC = 0;
  int tCCD_S = 0, tCCD_L = 0;
  int tRRD_S = 0, tRRD_L = 0, tFAW = 0;
  int tRTP = 0, tWR = 0;
  int tWTR_S = 0, tWTR_L = 0;
  int tRTW = 0;             ///< read command to write command on one data bus
  int tRTRS = 0;            ///< bubble on the data bus between bursts of different ranks
  int tREFI = 0, tRFC = 0;  ///< all banks of a rank
  int tRFCpb = 0;           ///< refresh of one bank: that bank is busy so long
  int tRREFD = 0;           ///< refresh of one bank to an activate or a refresh of another bank of the rank
};

enum class PagePolicy { open, closed };
enum class RefreshPolicy { none, all_bank, per_bank };

/// The scheduler's parameters.
struct Scheduler {
  int read_queue = 32, write_queue = 32;  ///< columns
  int write_high = 26,
      write_low = 6;  ///< columns in the write queue at which draining begins, and ends when reads wait
  PagePolicy page = PagePolicy::open;
  RefreshPolicy refresh = RefreshPolicy::all_bank;
  Cycle starvation = 4096;    ///< a column that has waited so long in its queue is served before any other
  bool dual_command = false;  ///< row and column commands have a bus each (HBM): one of each per cycle
  bool burst =
      true;  ///< columns that stream through open rows are issued by the closed form; false: one by one. Same commands.
};

/// A field of the address, from the most significant on: so many bits (-1: all that its kind has left).
struct Field {
  enum class Kind { row, rank, bank_group, bank, column } kind;
  int bits = -1;
};

/// Where an address lies. Channels take turns every `interleave` bytes; the rest is cut into fields.
struct MappingOrder {
  std::uint64_t interleave = 256;  ///< bytes in one (pseudo) channel before the next one's turn; a power of two
  bool hash_channels = false;      ///< the turn's order rotates with the address above it
  std::vector<Field> order;        ///< most significant first; row only as the first one
  bool xor_banks = false;          ///< bank group and bank are XORed with a hash of the row (Mapping)
  bool xor_column =
      false;  ///< ... with the upper part of a column that is cut in two (MOP: Kaseridis et al., MICRO 2011)
};

/// Energy of commands, in picojoules, and power that is always drawn.
struct Energy {
  double activate = 0;          ///< an activate and its precharge
  double read = 0, write = 0;   ///< a column, with the data's way over the pins
  double refresh = 0;           ///< of a rank (all banks); of one bank: divided by the banks of a rank
  double background_watts = 0;  ///< of one (pseudo) channel
};

struct Parameters {
  std::uint64_t clock_hz = 0;  ///< command clock
  Organization organization;
  Timing timing;
  Scheduler scheduler;
  MappingOrder mapping;
  Energy energy;

  /// Reads a memory's configuration (configs/memory): its `clock`, `channels`, and the maps `organization`, `timing`,
  /// `scheduler`, `mapping` and `energy`. Throws config::Error, also for parameters that contradict one another (tRC <
  /// tRAS + tRP ...).
  ///
  ///     clock: 900 MHz                    # of commands
  ///     channels: 32
  ///     organization: {pseudo_channels: 2, ranks: 1, bank_groups: 4, banks: 4,    # banks: in a group
  ///                    rows: 16384, row: 1 KiB, bus: 64, burst: 4, beats_per_clock: 2}
  ///     timing: {tCL: 14 ns, tCWL: 4, ...}          # as in JEDEC's standards: a time, or cycles of the command clock;
  ///                                                 # tRCD for tRCDRD and tRCDWR, tCCD for tCCD_S and tCCD_L, ...
  ///     scheduler: {read_queue: 32, write_queue: 32, write_high: 26, write_low: 6, page: open, refresh: all-bank,
  ///                 starvation: 4096, dual_command: false, burst: true}
  ///     mapping: {interleave: 256 B, hash_channels: false, xor: none,             # none | row | column
  ///               order: [row, column, bank, bank_group, column:2]}               # one of a kind takes what is left
  ///     energy: {activate: 1.2 nJ, read: 1.9 nJ, write: 1.9 nJ, refresh: 30 nJ, background: 50 mW}
  ///
  /// A time becomes cycles as the rounding algorithm of JESD79-4 has it: up, but for a fortieth of a cycle that tables
  /// given in whole picoseconds may be off; tREFI, a maximum, is rounded down.
  static Parameters read(const config::Node& node);
  /// Bytes per second of all channels, without any loss.
  double peak_bandwidth() const;
  /// Rows for `triad describe`.
  std::vector<std::pair<std::string, std::string>> describe() const;
};

}  // namespace triad::memory::dram
