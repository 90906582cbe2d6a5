#include "models/gpu/parameters.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "models/gpu/isa/instruction.hpp"
#include "models/kit/outcome.hpp"

namespace triad::gpu {

using config::Quantity;

namespace {

/// Lanes of a pipe: a divisor of the warp, so that a warp takes whole cycles.
int lanes(const config::Node& node) {
  const int n = static_cast<int>(node.integer(1, warp_size));
  if (!std::has_single_bit(static_cast<unsigned>(n))) node.fail("must be a power of two up to 32");
  return n;
}

}  // namespace

SmParameters SmParameters::read(const config::Node& node) {
  SmParameters p;
  p.sub_cores = static_cast<int>(node.at("sub_cores").integer(1, 8));
  p.warps = static_cast<int>(node.at("warps").integer(1, max_warp_slots));
  if (p.warps % p.sub_cores != 0)
    node.at("warps").fail(fmt::format("must be a multiple of sub_cores ({})", p.sub_cores));
  p.blocks = static_cast<int>(node.at("blocks").integer(1, max_warp_slots));
  p.registers = static_cast<int>(node.at("registers").integer(warp_size, 1 << 20));
  if (p.registers % warp_size != 0) node.at("registers").fail("must be a multiple of 32");
  p.register_allocation = static_cast<int>(node.at("register_allocation").integer(1, 4096));
  p.register_banks = static_cast<int>(node.at("register_banks").integer(1, 8));
  if (!std::has_single_bit(static_cast<unsigned>(p.register_banks))) {
    node.at("register_banks").fail("must be a power of two");
  }
  p.scheduler = node.at("scheduler").choice({"cggty", "gto"}) == "gto" ? Scheduler::gto : Scheduler::cggty;
  p.fp32_lanes = lanes(node.at("fp32_lanes"));
  p.integer_lanes = lanes(node.at("integer_lanes"));
  p.sfu_lanes = lanes(node.at("sfu_lanes"));
  p.sfu_latency_cycles = static_cast<int>(node.at("sfu_latency").integer(1, 1000));
  p.barrier_latency_cycles = static_cast<int>(node.at("barrier_latency").integer(1, 1000));
  const config::Node memory = node.at("load_store");
  p.queue = static_cast<int>(memory.at("queue").integer(1, max_memory_queue));
  p.bytes_per_cycle = static_cast<int>(memory.at("width").quantity(Quantity::bytes));
  if (!std::has_single_bit(static_cast<unsigned>(p.bytes_per_cycle)) || p.bytes_per_cycle < 32) {
    memory.at("width").fail("must be a power of two of at least 32 B");
  }
  p.shared_bytes = static_cast<std::uint64_t>(memory.at("shared").quantity(Quantity::bytes));
  p.shared_banks = static_cast<int>(memory.at("shared_banks").integer(1, warp_size));
  if (!std::has_single_bit(static_cast<unsigned>(p.shared_banks)))
    memory.at("shared_banks").fail("must be a power of two");
  p.shared_latency_cycles = static_cast<int>(memory.at("shared_latency").integer(2, 1000));
  p.global_latency_cycles = static_cast<int>(memory.at("global_latency").integer(2, 1000));
  return p;
}

Cycle Parameters::horizon() const {
  // A request leaves global_latency / 2 + 1 cycles after its instruction at the earliest; a completion takes the rest
  // of it after the cycle in which it is seen.
  return static_cast<Cycle>(std::min(sm.global_latency_cycles / 2 + 1, block_latency_cycles));
}

Parameters Parameters::read(const config::Node& node) {
  Parameters p;
  p.clock_hz = kit::read_clock(node.at("clock"));
  p.technology = node.at("technology").text();
  p.sms = static_cast<int>(node.at("sms").integer(1, 1024));
  p.sm = SmParameters::read(node.at("sm"));
  p.launch_latency = node.at("launch").at("latency").quantity(Quantity::time);
  p.dispatch_cycles = static_cast<int>(node.at("launch").at("block_cycles").integer(1, 10000));
  p.block_latency_cycles = static_cast<int>(node.at("launch").at("block_latency").integer(1, 10000));
  p.static_watts = node.at("power").at("static").quantity(Quantity::power);
  if (const auto l2 = node.find("l2")) p.l2 = L2Parameters::read(*l2, p.sms);
  p.memory = memory::Parameters::read(node.at("memory"));
  return p;
}

}  // namespace triad::gpu
