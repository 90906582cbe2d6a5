#include "models/memory/crossbar/parameters.hpp"

#include <fmt/core.h>

#include <stdexcept>

namespace triad::memory::crossbar {

using config::Quantity;

namespace {

/// Whole bytes up to 64 KiB, so that sums of them stay small.
std::uint32_t small_bytes(const config::Node& node) {
  const double bytes = node.quantity(Quantity::bytes);
  if (bytes < 1 || bytes > 65536) node.fail("must lie between 1 B and 64 KiB");
  return static_cast<std::uint32_t>(bytes);
}

}  // namespace

Parameters Parameters::read(const config::Node& node, int inputs, int outputs) {
  if (inputs < 1 || inputs > most_ports || outputs < 1 || outputs > most_ports) {
    node.fail(fmt::format("{} inputs and {} outputs: a crossbar has 1 to {} of each", inputs, outputs, most_ports));
  }
  Parameters p;
  p.inputs = inputs;
  p.outputs = outputs;
  p.flit_bytes = small_bytes(node.at("flit"));
  p.header_bytes = small_bytes(node.at("header"));
  p.largest_data = small_bytes(node.at("largest_data"));
  p.latency_cycles = static_cast<int>(node.at("latency").integer(1, 10000));
  p.queue_flits = static_cast<int>(node.at("queue").integer(1, 1 << 20));
  if (p.queue_flits < p.largest_flits()) {
    node.at("queue").fail(
        fmt::format("{} flits of {} B cannot hold the largest packet: {} flits of {} B of header and {} B of data",
                    p.queue_flits, p.flit_bytes, p.largest_flits(), p.header_bytes, p.largest_data));
  }
  p.output_packets = static_cast<int>(node.at("output_queue").integer(1, 1 << 20));
  p.virtual_output_queues = node.at("virtual_output_queues").boolean();
  p.arbitration = node.at("arbitration").choice({"round_robin", "oldest_first"}) == "oldest_first"
                      ? Arbitration::oldest_first
                      : Arbitration::round_robin;
  p.wire_mm = node.at("wire_mm").number(0, 1000);
  return p;
}

double Parameters::picojoules_per_flit(const activity::Technology& technology) const {
  const double queue = static_cast<double>(queue_flits) * flit_bytes;
  return flit_bytes *
         (8 * wire_mm * technology.picojoules("wire_bit_mm") + 2 * technology.sram_picojoules_per_byte(queue));
}

std::vector<std::pair<std::string, std::string>> Parameters::describe() const {
  return {{"crossbar", fmt::format("{} x {} ports, {} B flits, {} B headers, {} cycles", inputs, outputs, flit_bytes,
                                   header_bytes, latency_cycles)},
          {"crossbar queues", fmt::format("{} flits per input{}, {} packets per output", queue_flits,
                                          virtual_output_queues ? " and output" : "", output_packets)},
          {"crossbar arbitration", arbitration == Arbitration::round_robin ? "round robin" : "oldest first"}};
}

}  // namespace triad::memory::crossbar
