#pragma once
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/cosim/stall.hpp"

/// The compute core of a matrix unit: a weight-stationary array of rows x columns MACs (numerics::mac), double-buffered
/// weights, three valid/ready streams. No SystemC here: cycles are counted in the matrix unit's clock.
/// README.md in this folder is the specification (recurrences and constants) that model and RTL twin share.
namespace triad::systolic {

/// Who computes: the recurrences, the Verilated twin alone, or both with every pin compared in every cycle.
enum class Backend { model, rtl, lockstep };

inline constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

struct CoreOptions {
  int rows = 0;     ///< R: length of an activation row
  int columns = 0;  ///< C: length of a result row
  Backend backend = Backend::model;
  cosim::Stalls stalls;                   ///< on all three ports; for tests
  std::string name = "mxu0";              ///< in messages, and of the waveform's file
  std::filesystem::path waveforms = ".";  ///< folder of the waveform that a lockstep mismatch leaves
};

/// Weights of one tile, for the shadow bank. Row r is offered to the core from first_cycle + r on (one row per cycle)
/// and held until taken.
struct WeightTile {
  std::uint64_t first_cycle = 0;
  std::vector<std::uint16_t> values;  ///< rows x columns bf16, row-major; empty: values are off
};

/// Activation rows that meet the same weights. Row i is offered from first_cycle + i on and held until taken.
struct RowBurst {
  std::uint64_t first_cycle = 0;
  int count = 0;                      ///< rows of the burst, >= 1
  bool swap = false;                  ///< the first row is the first to use the next tile's weights
  std::vector<std::uint16_t> values;  ///< count x R bf16, row-major; empty: values are off
};

/// The shadow bank has taken a whole tile.
struct WeightsDone {
  std::uint64_t tile = 0;  ///< 0, 1, ... in the order of push_weights
  std::uint64_t first_accept = 0, last_accept = 0;
};

/// The results of a whole burst have left the core.
struct RowsDone {
  std::uint64_t burst = 0;                        ///< 0, 1, ... in the order of push_rows
  std::uint64_t first_admit = 0, last_admit = 0;  ///< a row enters the array
  std::uint64_t first_take = 0, last_take = 0;    ///< a row of results leaves the core
  std::vector<float> values;                      ///< count x C, row-major: chains from +0; empty when values are off
};

/// A core that is driven by time. The rule that makes model, rtl and lockstep the same to the cycle: nothing may be
/// pushed before the cycle to which the core has been advanced, and what is done in cycle t is handed out from t + 1
/// on.
///
///     // in a process of the matrix unit, woken in cycle `now`:
///     core.advance_to(now);
///     while (auto done = core.next_weights()) ...          // signal tokens, free the staging buffer
///     while (auto done = core.next_rows()) ...             // write done->values
///     core.push_weights({.first_cycle = now + read_latency, ...});   // issue what is ready, in program order per port
///     core.push_rows(...);
///     sleep until min(core.next_cycle(), next instruction)
///
/// Weights and rows are two ports: only the order within a port matters, so the next tile may be pushed before or after
/// the rows of the current one. The n-th burst with `swap` uses the n-th tile and waits for it.
class MatrixCore {
 public:
  virtual ~MatrixCore() = default;
  virtual int rows() const = 0;
  virtual int columns() const = 0;
  /// L: cycles from the admission of a row to the first cycle in which its result can be taken.
  virtual int latency_cycles() const = 0;

  /// Offers a tile or a burst. Throws std::logic_error when first_cycle lies before the advanced cycle, when values
  /// have a wrong size, or for a first burst without swap. Returns the number by which it is reported done.
  virtual std::uint64_t push_weights(WeightTile tile) = 0;
  virtual std::uint64_t push_rows(RowBurst burst) = 0;

  /// Simulates all cycles before `cycle` (no effect when it lies in the past). Throws device::Fault on a lockstep
  /// mismatch.
  virtual void advance_to(std::uint64_t cycle) = 0;
  /// The next tile or burst, in order, that was done in a cycle before the advanced one; each is returned once.
  virtual std::optional<WeightsDone> next_weights() = 0;
  virtual std::optional<RowsDone> next_rows() = 0;
  /// The earliest cycle to which it makes sense to advance next: the model knows when something will be done, the twin
  /// asks for the next cycle while anything is outstanding. `never`: nothing will happen without another push.
  virtual std::uint64_t next_cycle() const = 0;

  /// What is in flight and what it waits for (a deadlock report); empty when nothing is.
  virtual std::string outstanding() const = 0;

  /// Drops everything in flight, holding the core in reset during the advanced cycle; numbering of tiles and bursts
  /// starts anew.
  virtual void reset() = 0;
  /// End of the run: throws device::Fault when anything is left over (rows offered and not admitted, results not taken,
  /// in the model or in the twin).
  virtual void finish() = 0;
};

/// Throws device::Unsupported for a shape below 1x1 or, with a twin, one that was not built (naming those that exist).
std::unique_ptr<MatrixCore> make_core(const CoreOptions& options);

}  // namespace triad::systolic
