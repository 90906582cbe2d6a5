#pragma once
#include <map>
#include <string>
#include <vector>

#include "sim/config/node.hpp"

namespace triad::activity {

/// Energy per action of a manufacturing technology: configs/technology/*.yaml, every entry with its source.
///
///     node: 7 nm
///     actions: {mac_bf16: {energy: 0.49 pJ, source: "..."}, ...}
///     sram: [{size: 8 KiB, energy_per_byte: 0.94 pJ, source: "..."}, ...]       # ascending by size
class Technology {
 public:
  explicit Technology(const config::Node& node);
  /// Energy of one action in picojoules. Throws config::Error naming the technology and the actions that it has.
  double picojoules(const std::string& action) const;
  /// Energy of moving one byte in or out of an SRAM of `macro_bytes`, in picojoules: linear in log(size) between the
  /// table's entries, the nearest entry outside of them.
  double sram_picojoules_per_byte(double macro_bytes) const;
  const std::string& node_name() const { return node_name_; }

 private:
  struct Sram {
    double bytes, picojoules_per_byte;
  };
  std::string node_name_, where_;
  std::map<std::string, double> actions_;
  std::vector<Sram> sram_;
};

}  // namespace triad::activity
