#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "models/memory/dram/checker.hpp"
#include "models/memory/dram/controller.hpp"
#include "models/memory/dram/mapping.hpp"

namespace triad::memory::dram {

/// All channels of a device.
class Dram {
 public:
  /// `check`: a Checker watches every command. `observer`, if any, is asked once for each controller's further observer
  /// (null: none).
  Dram(const Parameters& parameters, bool check, const std::function<Observer*(int controller)>& observer = {});
  /// The bytes [address, address + bytes) for `request`: returns into how many runs they were cut; each is served once.
  std::uint64_t push(std::uint64_t request, std::uint64_t address, std::uint64_t bytes, bool write, activity::Tag tag,
                     Cycle arrival);
  std::vector<Controller>& controllers();
};

}  // namespace triad::memory::dram
