#pragma once
#include <cstdint>

/// The constants of the core's recurrences (README.md derives them). rtl/tpu/systolic.sv states the same ones.
namespace triad::systolic {

/// The three streams; also the port numbers by which stalls are drawn.
enum class Port { weights = 0, rows = 1, results = 2 };

/// Slots of each input FIFO: two, so that registered ready still lets one row in per cycle.
inline constexpr int fifo_depth = 2;

/// L. R + C - 2 hops to the last MAC, and a register each for the skewed input, the product, the sum and the result
/// slot.
inline constexpr int latency(int rows, int columns) {
  return rows + columns + 2;
}

/// D. A row holds a slot from its admission to the cycle after its result was taken, L + 1 cycles when nothing stalls;
/// one more lets the sink miss a cycle.
inline constexpr int result_slots(int rows, int columns) {
  return latency(rows, columns) + 2;
}

/// Hears of every transfer at the core's boundary, in order per port, as soon as the recurrences have resolved it.
class TransferObserver {
 public:
  virtual ~TransferObserver() = default;
  /// Valid is high from this cycle until the row arrives. row: null when values are off; only valid during the call.
  virtual void offered(Port port, std::uint64_t cycle, const std::uint16_t* row, bool swap) = 0;
  /// The transfer: valid and ready are both high.
  virtual void arrived(Port port, std::uint64_t cycle) = 0;
  /// The row leaves the input FIFO: its slot is free in the next cycle.
  virtual void accepted(Port port, std::uint64_t cycle) = 0;
  /// A result row lies in its slot from this cycle on. row: C fp32, null when values are off.
  virtual void produced(std::uint64_t cycle, const float* row) = 0;
  virtual void taken(std::uint64_t cycle) = 0;
};

}  // namespace triad::systolic
