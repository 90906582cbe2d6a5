#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/device/host_tensor.hpp"

namespace triad::device {

struct UnitResult {
  std::string name;
  double clock_hz = 0;
  std::uint64_t total_cycles = 0;                ///< the run's length in the unit's own clock
  std::map<std::string, std::uint64_t> cycles;   ///< by state; the states sum to total_cycles
  std::map<std::string, std::uint64_t> actions;  ///< what it did, in counts
  double energy_joules = 0;
};

struct OpResult {
  std::string name, kind, phase;
  std::uint64_t begin_cycle = 0, end_cycle = 0;  ///< in the device's clock, of the last step
  std::optional<std::uint64_t> array_cycles;     ///< first operand into the array to its last MAC; contractions only
  std::int64_t flops = 0;
  std::string bound_by;  ///< compute | memory | latency | launch
};

/// A loss ("step 3") or tensor that is off by more than the tolerance and was accepted by --check, because the host
/// reference itself moves as far when its initial parameters change by a millionth.
struct IllConditioned {
  std::string name;
  double error = 0;     ///< of the device against the reference
  double accepted = 0;  ///< what was granted
};

/// What one run of one device reports. Everything comes from the simulation; what was not measured is empty.
struct RunResult {
  std::string device, architecture, config_digest, technology;
  double clock_hz = 0;
  std::uint64_t cycles = 0;
  double seconds = 0;
  std::int64_t flops = 0;            ///< algorithmic FLOPs of all steps
  double peak_flops_per_second = 0;  ///< for the job's precision
  double peak_bytes_per_second = 0;  ///< of the device memory
  bool fits_memory = true;
  std::string assumed;  ///< what timing took for data that a run without values lacks; empty: it depends on none
  std::optional<double> energy_joules, average_power_watts, peak_power_watts;
  std::vector<double> loss;
  std::optional<double> max_error_vs_reference;
  std::vector<IllConditioned> ill_conditioned;  ///< with --check; for people, not in result.json
  std::uint64_t read_bytes = 0, written_bytes = 0;
  double average_lanes = 0, peak_lanes = 0;
  std::string bound_by;  ///< of the run: the class in which most of its time is spent
  /// Device cycles by class (compute, memory, launch, latency; activity::Coverage); they sum to `cycles`.
  std::map<std::string, std::uint64_t> bound_cycles;
  std::vector<UnitResult> units;
  std::vector<OpResult> ops;
  Weights weights;
  Weights outputs;  ///< of a graph without a loss: its results in the last step, by name
  double host_seconds = 0;
};

/// The largest relative errors that a device may have against the host reference (--check).
struct Tolerance {
  double loss = 0;     ///< of one step: |d - r| / max(|r|, 1e-6)
  double weights = 0;  ///< of one final weight or output tensor, in the L2 norm: |d - r|_2 / max(|r|_2, 1e-6)
};

/// fp32: what every device promises; sums differ in the order of addition only. Shorter formats multiply the same
/// rounded operands, but a sum that differs in its last bit rounds an operand of a later contraction to the neighbour,
/// by up to 2^-8 = 0.4 % in bf16; in a tensor's norm such errors average out, in a loss near zero they do not.
inline Tolerance tolerance(numerics::Format precision) {
  return precision == numerics::Format::fp32 ? Tolerance{1e-4, 1e-4} : Tolerance{5e-2, 1e-2};
}

}  // namespace triad::device
