#pragma once
#include <string>
#include <vector>

#include "sim/config/node.hpp"

namespace triad::experiment {

/// An override of a device's configuration.
struct DeviceSetting {
  config::Override change;
  std::string device;  ///< the one it is for; empty: every device that has the path ("device.")
};

/// What --set asks for, by whom it is for.
struct Settings {
  std::vector<std::string> workload;  ///< "steps=5"
  std::vector<DeviceSetting> devices;
};

/// Sorts `--set` arguments by their prefix: "workload.", "device.", or the name of one of the devices.
/// Throws config::Error naming the nearest prefix.
Settings read_settings(const std::vector<std::string>& arguments, const std::vector<std::string>& devices);

}  // namespace triad::experiment
