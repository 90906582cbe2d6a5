#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/cosim/tracks.hpp"
#include "models/cosim/twin.hpp"
#include "sim/device/device.hpp"

namespace triad::cosim {

/// Model and twin differ. what() is the whole report.
struct Mismatch : device::Fault {
  Mismatch(const std::string& message, std::uint64_t cycle, std::string port, std::string pin, int lane,
           std::uint64_t model, std::uint64_t rtl, std::filesystem::path waveform);
  std::uint64_t cycle;
  std::string port;                ///< stream, or event
  std::string pin;                 ///< "valid", "ready", or a field of the payload
  int lane;                        ///< of the field; -1 for a control pin
  std::uint64_t model, rtl;        ///< the two values
  std::filesystem::path waveform;  ///< VCD of the cycles before and after
};

/// Replays a model's pins into a twin and compares in every cycle: ready of streams into the core, valid of streams out
/// of it and events always, payloads of streams out of the core while valid. The first difference is thrown as a
/// Mismatch, after a second run of a fresh twin over the same inputs has written the waveform around it.
class Lockstep {
 public:
  /// name: of the unit, in messages and of the waveform's file. The twin is held in reset before cycle 0.
  Lockstep(std::string name, TwinFactory make, std::filesystem::path waveforms);

  std::uint64_t now() const { return now_; }
  const Twin& twin() const { return *twin_; }
  /// One cycle. pins: one per stream; events: one per event of the twin.
  void cycle(const std::vector<Pins>& pins, const std::vector<bool>& events);
  /// One cycle in reset, nothing offered, nothing compared.
  void reset_cycle();

 private:
  /// Inputs of some equal cycles. words: payloads of the streams into the core that are valid, in order.
  struct Frame {
    std::uint64_t cycles = 0;
    bool reset = false;
    std::uint64_t controls = 0;  // bit s: what is driven on stream s
    std::vector<std::uint32_t> words;
    bool same(const Frame& other) const {
      return reset == other.reset && controls == other.controls && words == other.words;
    }
  };
  struct Difference;
  void record();
  void drive(Twin& twin, const Frame& frame) const;
  [[noreturn]] void report(const Difference& difference);
  void write_waveform(const std::filesystem::path& file) const;

  std::string name_;
  TwinFactory make_;
  std::filesystem::path waveforms_;
  std::unique_ptr<Twin> twin_;
  std::uint64_t now_ = 0;
  Frame frame_;                                        // of this cycle
  std::vector<Frame> frames_;                          // everything driven so far, for the second run
  std::vector<std::uint32_t> found_;                   // a payload of the twin
  std::deque<std::pair<std::uint64_t, int>> history_;  // cycle and stream of the last transfers
};

/// Holds a twin in reset for two cycles, nothing offered.
void power_on(Twin& twin);

}  // namespace triad::cosim
