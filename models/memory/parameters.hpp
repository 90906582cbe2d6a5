#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/memory/dram/parameters.hpp"
#include "models/memory/tlm/parameters.hpp"
#include "sim/activity/technology.hpp"
#include "sim/config/node.hpp"

namespace triad::memory {

enum class Kind { dram, ideal, tlm };

/// Parameters, under `memory:` of a device's configuration. A device writes what it decides about itself (preset,
/// channels, latency, credits, path); the rest comes from configs/memory:
///
///     memory: {preset: hbm2, channels: 32, latency: 400 ns, credits: 256}
///
/// `kind: dram` is described to the command (dram/parameters.hpp). `kind: ideal` says clock, bandwidth, interleave,
/// access, capacity and energy itself or, laid over a preset of DRAM, takes what it does not say from there: the same
/// memory without banks, rows, refresh, turnaround and standby. `kind: tlm` is a TLM-2.0 memory that the user's program
/// brings, spoken to as the key `tlm` says (tlm/parameters.hpp); what `ideal` says is then what compilers and reports
/// take that memory for, and `energy` what a bit costs in it.
struct Parameters {
  Kind kind = Kind::ideal;
  std::string preset;          ///< name of the preset, empty without one
  std::uint64_t clock_hz = 0;  ///< of the channels; cycle stacks are reported in it
  int channels = 1;
  double bandwidth = 0;            ///< peak, bytes per second, all channels together
  double latency = 0;              ///< seconds, unloaded: the path there and back, without the DRAM's own
  std::uint64_t interleave = 256;  ///< bytes that lie in one channel before the next one's turn; a power of two
  std::uint64_t access = 32;   ///< bytes of a channel's smallest transfer: a shorter or unaligned row moves whole ones
  int credits = 0;             ///< requests in flight; at the limit none is accepted
  std::uint64_t capacity = 0;  ///< bytes
  std::string energy;          ///< ideal: action of the technology, energy of one bit moved, "hbm2_bit"
  std::string path;            ///< the same for the path between device and DRAM; empty: nothing beside the DRAM's own
  std::optional<dram::Parameters> dram;  ///< `channels`, interleave and access above count its pseudo channels
  std::optional<tlm::Parameters> tlm;    ///< of `kind: tlm`

  static Parameters read(const config::Node& node);
  /// Picojoules of one bit moved: what the path costs, and with `kind: ideal` the memory itself. Throws config::Error
  /// when the technology lacks an action.
  double bit_picojoules(const activity::Technology& technology) const;
  /// Power that is drawn whatever is moved: DRAM in standby.
  double background_watts() const;
  /// The keys that decide about the capacity, for messages.
  std::string capacity_key() const;
  /// Rows for `triad describe`.
  std::vector<std::pair<std::string, std::string>> describe() const;
};

}  // namespace triad::memory
