#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// A compute core in SystemVerilog, as the simulator sees it: a Moore machine with named valid/ready streams.
namespace triad::cosim {

/// Equal lanes of a payload, e.g. 4 numbers of 16 bits. In a payload's words a field starts at a new 32-bit word, lane
/// 0 in its lowest bits.
struct Field {
  std::string name;
  int lanes = 1;
  int lane_bits = 1;
  int words() const { return (lanes * lane_bits + 31) / 32; }
};

enum class Direction { into_core, out_of_core };

/// One valid/ready port. Into the core, the simulator drives valid and payload and the core answers with ready; out of
/// the core it is the other way round.
struct Stream {
  std::string name;
  Direction direction = Direction::into_core;
  std::vector<Field> fields;
  int words() const;
};

/// One Verilated instance. In every cycle: drive all streams, settle(), read what the core shows, rise().
class Twin {
 public:
  virtual ~Twin() = default;
  virtual const std::vector<Stream>& streams() const = 0;
  /// Names of one-bit outputs beside the streams that tell what happens inside ("row_admitted"), compared like control
  /// pins.
  virtual const std::vector<std::string>& events() const = 0;

  virtual void drive_reset(bool reset) = 0;
  /// valid of a stream into the core (payload: words() words; null drives zeros), ready of one out of it (payload
  /// unused).
  virtual void drive(int stream, bool control, const std::uint32_t* payload) = 0;
  /// Outputs of this cycle can be read from here on.
  virtual void settle() = 0;
  /// ready of a stream into the core, valid of one out of it.
  virtual bool control(int stream) const = 0;
  /// Payload of a stream out of the core.
  virtual void payload(int stream, std::uint32_t* words) const = 0;
  virtual bool event(int event) const = 0;
  /// The rising clock edge that ends the cycle.
  virtual void rise() = 0;

  /// Opens a VCD waveform; must be called before the first cycle.
  virtual void trace(const std::filesystem::path& file) = 0;
  /// Adds the present values of all signals to it; a cycle lasts 1 ns (time in the waveform = cycle).
  virtual void dump(std::uint64_t picosecond) = 0;
};

using TwinFactory = std::function<std::unique_ptr<Twin>()>;

}  // namespace triad::cosim
