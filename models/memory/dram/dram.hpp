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
                     Cycle arrival) {
    return push(request, address, bytes, write, tag, arrival, [](int) {});
  }
  /// The same; calls `pushed(controller)` for every run.
  template <class Pushed>
  std::uint64_t push(std::uint64_t request, std::uint64_t address, std::uint64_t bytes, bool write, activity::Tag tag,
                     Cycle arrival, const Pushed& pushed) {
    std::uint64_t runs = 0;
    mapping_.split(address, bytes, [&](int controller, Run& run) {
      run.request = request;
      run.write = write;
      run.tag = tag;
      controllers_[static_cast<std::size_t>(controller)].push(run, arrival);
      pushed(controller);
      ++runs;
    });
    return runs;
  }
  /// By number of (pseudo) channel: channel * pseudo channels + pseudo channel.
  std::vector<Controller>& controllers() { return controllers_; }
  const std::vector<Controller>& controllers() const { return controllers_; }
  const Mapping& mapping() const { return mapping_; }

 private:
  Mapping mapping_;
  std::vector<std::unique_ptr<Observer>> observers_;  ///< those made here
  std::vector<Controller> controllers_;
};

}  // namespace triad::memory::dram
