#pragma once
#include <cstdint>

#include "sim/activity/spans.hpp"

namespace triad::memory::dram {

using activity::Cycle;

enum class Command : std::uint8_t {
  activate,
  precharge,
  precharge_all,  ///< of a rank
  read,
  read_precharge,  ///< with auto-precharge
  write,
  write_precharge,
  refresh_all,  ///< all banks of a rank
  refresh_bank,
};
/// The standards' short names: ACT, PRE, PREA, RD, RDA, WR, WRA, REFab, REFpb.
const char* to_string(Command command);

/// A command on a channel's bus. Banks are numbered flat: (rank * bank groups + group) * banks + bank; commands to a
/// rank name its first bank.
struct Issued {
  Cycle at = 0;
  Command command = Command::activate;
  int bank = 0;
  std::int64_t row = 0;  ///< activate, read, write
  int column = 0;        ///< read, write
};

/// Sees every command of a channel, in order of time.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void command(const Issued& issued) = 0;
};

}  // namespace triad::memory::dram
