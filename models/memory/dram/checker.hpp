#pragma once
#include "models/memory/dram/command.hpp"
#include "models/memory/dram/parameters.hpp"

namespace triad::memory::dram {

/// Holds every command of a channel to the standard, apart from the controller's own bookkeeping: timing between each
/// pair of commands, tFAW, the state of rows, one command per bus and cycle, no two bursts on the data bus at once,
/// refresh in time. Throws device::Fault that names the violated parameter, both commands and the cycle that would be
/// right.
class Checker : public Observer {
 public:
  Checker(const Parameters& parameters, std::string channel);
  void command(const Issued& issued) override;
};

}  // namespace triad::memory::dram
