#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/memory/packet.hpp"
#include "sim/activity/technology.hpp"
#include "sim/config/node.hpp"

namespace triad::memory::crossbar {

using kit::Cycle;

enum class Arbitration { round_robin, oldest_first };

/// What a crossbar is made of: under `crossbar:` of a configuration, every key but the number of ports, which follow
/// from what stands on its sides.
struct Parameters {
  static constexpr int most_ports = 1024;
  int inputs = 1, outputs = 1;
  std::uint32_t flit_bytes = 32;     ///< what a port moves in a cycle
  std::uint32_t header_bytes = 8;    ///< address, number and size of a packet
  std::uint32_t largest_data = 128;  ///< bytes of data in the largest packet: a cache line
  /// From the cycle in which a packet is taken to the one in which its header is at the output, if nothing is in its
  /// way. One of them is the arbitration.
  int latency_cycles = 1;
  int queue_flits = 16;    ///< places of each queue at an input; the largest packet fits
  int output_packets = 4;  ///< packets on their way to one output or waiting there: ceil((latency - 1) / flits) + 1 of
                           ///< them keep an output of packets of so many flits busy
  bool virtual_output_queues = true;  ///< an input has one queue per output; false: one queue
  Arbitration arbitration = Arbitration::round_robin;
  double wire_mm = 0;  ///< how far a flit goes, for its energy

  /// Throws config::Error.
  static Parameters read(const config::Node& node, int inputs, int outputs);
  /// The packet's header, and its data: those of a written request and of the reply to a read.
  int flits(const Packet& packet) const {
    const std::uint32_t data = packet.write != packet.reply ? packet.bytes : 0;
    return static_cast<int>((header_bytes + data + flit_bytes - 1) / flit_bytes);
  }
  int largest_flits() const { return static_cast<int>((header_bytes + largest_data + flit_bytes - 1) / flit_bytes); }
  /// Energy of one flit from port to port: its bits over `wire_mm` of wire, and its bytes into and out of a queue.
  double picojoules_per_flit(const activity::Technology& technology) const;
  /// Rows for `triad describe`.
  std::vector<std::pair<std::string, std::string>> describe() const;
};

}  // namespace triad::memory::crossbar
