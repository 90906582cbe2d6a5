#include "sim/experiment/settings.hpp"

#include <fmt/format.h>

#include <optional>

namespace triad::experiment {

namespace {

/// What follows "PREFIX." in an argument, or nothing.
std::optional<std::string> after(const std::string& argument, const std::string& prefix) {
  if (!argument.starts_with(prefix + ".")) return std::nullopt;
  return argument.substr(prefix.size() + 1);
}

[[noreturn]] void reject(const std::string& argument, const std::vector<std::string>& devices) {
  if (argument.find('=') == std::string::npos) {
    throw config::Error(fmt::format("--set {}: expected PATH=VALUE, such as device.clock=\"1 GHz\"", argument));
  }
  std::vector<std::string> prefixes{"device", "workload"};
  prefixes.insert(prefixes.end(), devices.begin(), devices.end());
  const std::string head = argument.substr(0, argument.find_first_of(".="));
  const std::string near = config::nearest(head, prefixes);
  throw config::Error(fmt::format("--set {}: a path begins with one of {}{}", argument, fmt::join(prefixes, ", "),
                                  near.empty() ? "" : "; did you mean " + near + "?"));
}

}  // namespace

Settings read_settings(const std::vector<std::string>& arguments, const std::vector<std::string>& devices) {
  Settings settings;
  for (const std::string& argument : arguments) {
    if (auto change = after(argument, "workload")) {
      config::parse_override(*change, "workload");
      settings.workload.push_back(*change);
      continue;
    }
    if (auto change = after(argument, "device")) {
      settings.devices.push_back({config::parse_override(*change, "device"), ""});
      continue;
    }
    bool found = false;
    for (const std::string& device : devices) {
      auto change = after(argument, device);
      if (!change || found) continue;
      settings.devices.push_back({config::parse_override(*change, device), device});
      found = true;
    }
    if (!found) reject(argument, devices);
  }
  return settings;
}

}  // namespace triad::experiment
