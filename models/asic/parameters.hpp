#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/numerics/format.hpp"

namespace triad::asic {

/// Parameters of the machine, read from a file of configs/asic. Every one is required; README.md says what each does.
struct Parameters {
  std::uint64_t clock_hz = 0;

  struct Command {
    double doorbell_seconds = 0;  ///< from the host's write to the first fetch, once a run
    int prefetch = 1;             ///< descriptors fetched ahead
    int writes_per_cycle = 1;     ///< registers written per cycle
    int register_groups = 2;      ///< per engine; 2: ping-pong
    int done_cycles = 1;          ///< from the end of a layer until others see it
  } command;

  struct Gemm {
    int atomic_k = 1;           ///< MAC cells: kernels (columns of the result) per cycle
    int atomic_c = 1;           ///< multipliers of a cell: channels per cycle; a power of two
    int mac_cycles = 1;         ///< pipeline of a cell: multipliers and adder tree
    int accumulate_cycles = 1;  ///< from reading a sum to its new value being readable
    int accumulators = 1;       ///< fp32 sums of the assembly buffer; the delivery buffer holds as many
    int banks = 4;              ///< of the convolution buffer
    std::uint64_t bank_bytes = 0;
    int buffer_cycles = 1;  ///< reading the buffer
    int loader_lanes = 1;   ///< elements that a loader writes into the buffer per cycle
  } gemm;

  /// An engine that streams operands from memory through a pipeline and back. What an engine does not have is 1 or 0.
  struct Stream {
    int lanes = 1;          ///< elements per cycle; of an engine with reductions a power of two
    int functions = 1;      ///< arithmetic functions of a microprogram that a lane does in a cycle
    int special_lanes = 1;  ///< exponentials, logarithms, divisions, ... per cycle
    int pipeline_cycles = 1;
    int accumulate_cycles = 1;        ///< between two additions into the same sum; so many chains a lane adds in turn
    std::uint64_t operand_bytes = 0;  ///< operand RAM: repeated operands, rows of a reduction, rows of windows
    std::uint64_t stream_bytes = 0;   ///< read buffer of each operand stream, and of writes
  } pointwise, update, reshape, pooling, indexed;

  std::uint64_t burst_bytes = 256;  ///< largest request of any DMA
  double static_watts = 0;

  static Parameters read(const config::Node& node);
  /// 2 FLOPs per MAC; fp32 takes six bf16 passes. 0: not a multiply format of this machine.
  double peak_flops(numerics::Format precision) const;
  std::vector<std::pair<std::string, std::string>> describe() const;
};

}  // namespace triad::asic
