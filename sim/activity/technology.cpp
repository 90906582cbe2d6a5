#include "sim/activity/technology.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cmath>

namespace triad::activity {

using config::Quantity;

Technology::Technology(const config::Node& node) {
  constexpr double pico = 1e-12;
  node_name_ = node.at("node").text();
  where_ = node.where();
  const config::Node actions = node.at("actions");
  for (const std::string& name : actions.keys()) {
    const config::Node action = actions.at(name);
    actions_[name] = action.at("energy").quantity(Quantity::energy) / pico;
    action.at("source").text();
  }
  for (const config::Node& entry : node.at("sram").items()) {
    const Sram sram{entry.at("size").quantity(Quantity::bytes),
                    entry.at("energy_per_byte").quantity(Quantity::energy) / pico};
    entry.at("source").text();
    if (!sram_.empty() && sram.bytes <= sram_.back().bytes) entry.fail("sizes must ascend");
    sram_.push_back(sram);
  }
  if (sram_.empty()) node.at("sram").fail("needs at least one size");
}

double Technology::picojoules(const std::string& action) const {
  const auto found = actions_.find(action);
  if (found != actions_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, energy] : actions_) names.push_back(name);
  throw config::Error(
      fmt::format("{}: no energy for the action '{}'; this technology has {}", where_, action, fmt::join(names, ", ")));
}

double Technology::sram_picojoules_per_byte(double macro_bytes) const {
  if (macro_bytes <= sram_.front().bytes) return sram_.front().picojoules_per_byte;
  for (std::size_t i = 1; i < sram_.size(); ++i) {
    const Sram &low = sram_[i - 1], &high = sram_[i];
    if (macro_bytes > high.bytes) continue;
    const double share = std::log(macro_bytes / low.bytes) / std::log(high.bytes / low.bytes);
    return low.picojoules_per_byte + share * (high.picojoules_per_byte - low.picojoules_per_byte);
  }
  return sram_.back().picojoules_per_byte;
}

}  // namespace triad::activity
