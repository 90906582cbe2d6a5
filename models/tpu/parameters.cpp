#include "models/tpu/parameters.hpp"

#include <fmt/core.h>

#include <bit>

#include "models/kit/outcome.hpp"

namespace triad::tpu {

using config::Node;
using config::Quantity;

namespace {

systolic::Backend read_backend(const Node& node) {
  const std::string word = node.choice({"model", "rtl", "lockstep"});
  return word == "rtl"        ? systolic::Backend::rtl
         : word == "lockstep" ? systolic::Backend::lockstep
                              : systolic::Backend::model;
}

}  // namespace

Parameters Parameters::read(const Node& node) {
  Parameters p;
  p.clock_hz = kit::read_clock(node.at("clock"));
  const Node mxu = node.at("mxu");
  p.mxu.count = static_cast<int>(mxu.at("count").integer(1, 64));
  p.mxu.rows = static_cast<int>(mxu.at("rows").integer(1, 1024));
  p.mxu.columns = static_cast<int>(mxu.at("columns").integer(1, 1024));
  mxu.at("dataflow").choice({"ws"});
  p.mxu.weight_tiles = static_cast<int>(mxu.at("weight_tiles").integer(1, 64));
  p.mxu.bursts = static_cast<int>(mxu.at("bursts").integer(1, 64));
  if (const auto backend = mxu.find("backend")) p.mxu.backend = read_backend(*backend);
  if (const auto stalls = mxu.find("stalls")) {
    p.mxu.stalls.seed = static_cast<std::uint64_t>(stalls->at("seed").integer(0, INT64_MAX));
    p.mxu.stalls.percent = static_cast<int>(stalls->at("percent").integer(0, 90));
  }
  const Node vpu = node.at("vpu");
  p.vpu.lanes = static_cast<int>(vpu.at("lanes").integer(1, 1 << 20));
  p.vpu.latency_cycles = static_cast<int>(vpu.at("latency").integer(1, 1000));
  p.transpose.latency_cycles = static_cast<int>(node.at("transpose").at("latency").integer(1, 10000));
  const Node vmem = node.at("vmem");
  p.vmem.bytes = static_cast<std::uint64_t>(vmem.at("size").quantity(Quantity::bytes));
  p.vmem.bank_bytes = static_cast<std::uint64_t>(vmem.at("bank").quantity(Quantity::bytes));
  p.vmem.latency_cycles = static_cast<int>(vmem.at("latency").integer(1, 1000));
  const Node dma = node.at("dma");
  p.dma.setup_cycles = static_cast<int>(dma.at("setup").integer(1, 10000));
  p.dma.requests = static_cast<int>(dma.at("requests").integer(1, 4096));
  const Node sequencer = node.at("sequencer");
  p.sequencer.launch_seconds = sequencer.at("launch").quantity(Quantity::time);
  p.sequencer.steps_per_launch = static_cast<int>(sequencer.at("steps_per_launch").integer(1, 1 << 30));
  p.sequencer.queue_depth = static_cast<int>(sequencer.at("queue_depth").integer(1, 4096));
  p.static_watts = node.at("power").at("static").quantity(Quantity::power);
  return p;
}

std::string Parameters::unit_name(int unit) const {
  if (unit == load_unit()) return "dma_load";
  if (unit == store_unit()) return "dma_store";
  if (unit == vector_unit()) return "vpu";
  if (unit == transpose_unit()) return "transpose";
  return fmt::format("mxu{}{}", (unit - 4) / 2, (unit - 4) % 2 == 0 ? "_weights" : "");
}

double Parameters::peak_flops(numerics::Format precision) const {
  const double bf16 = 2.0 * mxu.count * mxu.rows * mxu.columns * static_cast<double>(clock_hz);
  if (precision == numerics::Format::bf16) return bf16;
  if (precision == numerics::Format::fp32) return bf16 / std::size(numerics::fp32_passes);
  return 0;
}

}  // namespace triad::tpu
