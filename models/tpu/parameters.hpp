#pragma once
#include <cstdint>
#include <string>

#include "models/tpu/systolic/core.hpp"
#include "sim/config/node.hpp"
#include "sim/numerics/format.hpp"

namespace triad::tpu {

/// What a TPU is made of; configs/tpu/*.yaml, every value required unless it says otherwise.
struct Parameters {
  std::uint64_t clock_hz = 0;
  struct {
    int count = 1;  ///< matrix units
    int rows = 0, columns = 0;
    systolic::Backend backend = systolic::Backend::model;  ///< optional
    cosim::Stalls stalls;                                  ///< optional, for tests
    int weight_tiles = 2;                                  ///< tiles between the queue and the shadow bank
    int bursts = 4;                                        ///< bursts of rows in flight
  } mxu;
  struct {
    int lanes = 0;           ///< fp32 lanes
    int latency_cycles = 0;  ///< of its pipeline
  } vpu;
  struct {
    int latency_cycles = 0;  ///< beyond one row of `mxu.columns` elements a cycle
  } transpose;
  struct {
    std::uint64_t bytes = 0;       ///< on-chip vector memory
    std::uint64_t bank_bytes = 0;  ///< of one SRAM macro: its energy
    int latency_cycles = 0;        ///< of a read
  } vmem;
  struct {
    int setup_cycles = 0;  ///< of one descriptor
    int requests = 0;      ///< descriptors in flight, loads and stores each
  } dma;
  struct {
    double launch_seconds = 0;  ///< from the host's doorbell to the first instruction
    int steps_per_launch = 1;   ///< training steps that one launch runs
    int queue_depth = 0;        ///< instructions of each unit's queue
  } sequencer;
  double static_watts = 0;

  static Parameters read(const config::Node& node);

  /// Numbers of the units that have an instruction queue and a completion counter.
  int load_unit() const { return 0; }
  int store_unit() const { return 1; }
  int vector_unit() const { return 2; }
  int transpose_unit() const { return 3; }
  int weights_unit(int mxu) const { return 4 + 2 * mxu; }
  int matrix_unit(int mxu) const { return 5 + 2 * mxu; }
  int units() const { return 4 + 2 * mxu.count; }
  std::string unit_name(int unit) const;

  /// FLOP/s of the matrix units: 2 R C per cycle for bf16, a sixth of it for fp32 (six passes), 0 for other formats.
  double peak_flops(numerics::Format precision) const;
};

}  // namespace triad::tpu
