#include "models/asic/parameters.hpp"

#include <fmt/format.h>

#include <bit>

#include "models/kit/outcome.hpp"

namespace triad::asic {

using config::Node;
using config::Quantity;

namespace {

int count(const Node& map, const char* key, std::int64_t most = 1 << 20) {
  return static_cast<int>(map.at(key).integer(1, most));
}
std::uint64_t bytes(const Node& map, const char* key) {
  return static_cast<std::uint64_t>(map.at(key).quantity(Quantity::bytes));
}
int power_of_two(const Node& map, const char* key, std::int64_t most) {
  const int value = count(map, key, most);
  if (!std::has_single_bit(static_cast<unsigned>(value))) map.at(key).fail("must be a power of two");
  return value;
}

Parameters::Stream stream(const Node& map, std::uint64_t burst) {
  Parameters::Stream engine;
  engine.lanes = count(map, "lanes", 1024);
  engine.pipeline_cycles = count(map, "latency", 1000);
  engine.stream_bytes = bytes(map, "stream_buffer");
  if (engine.stream_bytes < burst) map.at("stream_buffer").fail(fmt::format("must hold a burst of {} B", burst));
  return engine;
}

}  // namespace

Parameters Parameters::read(const Node& node) {
  Parameters p;
  p.clock_hz = kit::read_clock(node.at("clock"));

  const Node command = node.at("command");
  p.command.doorbell_seconds = command.at("doorbell").quantity(Quantity::time);
  p.command.prefetch = count(command, "prefetch", 1024);
  p.command.writes_per_cycle = count(command, "writes_per_cycle", 32);
  p.command.register_groups = count(command, "register_groups", 16);
  p.command.done_cycles = count(command, "done_cycles");

  const Node gemm = node.at("gemm");
  p.gemm.atomic_k = count(gemm, "atomic_k", 1024);
  p.gemm.atomic_c = power_of_two(gemm, "atomic_c", 1024);
  p.gemm.mac_cycles = count(gemm, "mac_cycles", 1000);
  p.gemm.accumulate_cycles = count(gemm, "accumulate_cycles", 1000);
  p.gemm.accumulators = count(gemm, "accumulators", 1 << 24);
  if (p.gemm.accumulators < p.gemm.atomic_k) {
    gemm.at("accumulators").fail(fmt::format("must hold a row of atomic_k ({}) sums at least", p.gemm.atomic_k));
  }
  p.gemm.loader_lanes = count(gemm, "loader_lanes", 1024);
  const Node buffer = gemm.at("buffer");
  p.gemm.banks = static_cast<int>(buffer.at("banks").integer(4, 128));
  p.gemm.bank_bytes = bytes(buffer, "bank");
  p.gemm.buffer_cycles = count(buffer, "latency", 1000);
  // A bank is whole lines of atomic_c channels, and holds one vector of them in three bf16 parts at least.
  const std::uint64_t line = 2ull * static_cast<std::uint64_t>(p.gemm.atomic_c);
  if (p.gemm.bank_bytes < 3 * line || p.gemm.bank_bytes % line != 0) {
    buffer.at("bank").fail(
        fmt::format("must be a multiple of a line of atomic_c channels ({} B), and three at least", line));
  }

  p.burst_bytes = bytes(node, "burst");
  if (p.burst_bytes % 4 != 0) node.at("burst").fail("must be a multiple of 4 B");
  const Node pointwise = node.at("pointwise"), update = node.at("update");
  p.pointwise = stream(pointwise, p.burst_bytes);
  p.pointwise.lanes = power_of_two(pointwise, "lanes", 1024);
  p.pointwise.accumulate_cycles = count(pointwise, "accumulate_cycles", 1000);
  p.update = stream(update, p.burst_bytes);
  for (const auto& [map, engine] : {std::pair{pointwise, &p.pointwise}, std::pair{update, &p.update}}) {
    engine->functions = count(map, "functions", 64);
    engine->special_lanes = count(map, "special_lanes", 1024);
    engine->operand_bytes = bytes(map, "operand_ram");
    if (engine->operand_bytes < 4u * static_cast<unsigned>(engine->lanes)) {
      map.at("operand_ram").fail(fmt::format("must hold 4 B for each of {} lanes", engine->lanes));
    }
  }
  p.reshape = stream(node.at("reshape"), p.burst_bytes);
  p.pooling = stream(node.at("pooling"), p.burst_bytes);
  p.pooling.operand_bytes = bytes(node.at("pooling"), "line_buffer");
  p.indexed = stream(node.at("indexed"), p.burst_bytes);
  p.static_watts = node.at("power").at("static").quantity(Quantity::power);
  return p;
}

double Parameters::peak_flops(numerics::Format precision) const {
  const double bf16 = 2.0 * gemm.atomic_k * gemm.atomic_c * static_cast<double>(clock_hz);
  if (precision == numerics::Format::bf16) return bf16;
  if (precision == numerics::Format::fp32) return bf16 / std::size(numerics::fp32_passes);
  return 0;
}

std::vector<std::pair<std::string, std::string>> Parameters::describe() const {
  return {{"clock", fmt::format("{:.4g} MHz", static_cast<double>(clock_hz) / 1e6)},
          {"MAC array", fmt::format("{} kernels x {} channels, adder tree, fp32 sums", gemm.atomic_k, gemm.atomic_c)},
          {"accumulator", fmt::format("{} sums, assembly and delivery", gemm.accumulators)},
          {"convolution buffer",
           fmt::format("{} banks x {:.4g} KiB", gemm.banks, static_cast<double>(gemm.bank_bytes) / 1024)},
          {"loaders", fmt::format("2 x {} elements per cycle", gemm.loader_lanes)},
          {"point-wise engine", fmt::format("{} lanes of {} functions, {} special", pointwise.lanes,
                                            pointwise.functions, pointwise.special_lanes)},
          {"update engine",
           fmt::format("{} lanes of {} functions, {} special", update.lanes, update.functions, update.special_lanes)},
          {"reshape, pooling, indexed",
           fmt::format("{}, {}, {} elements per cycle", reshape.lanes, pooling.lanes, indexed.lanes)},
          {"register groups", fmt::format("{} per engine", command.register_groups)},
          {"doorbell", fmt::format("{:.4g} us", command.doorbell_seconds * 1e6)}};
}

}  // namespace triad::asic
