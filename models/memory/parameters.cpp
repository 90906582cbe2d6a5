#include "models/memory/parameters.hpp"

#include <fmt/core.h>

#include <bit>

#include "models/kit/outcome.hpp"

namespace triad::memory {

using config::Quantity;

namespace {

void read_ideal(const config::Node& node, Parameters& p) {
  p.clock_hz = kit::read_clock(node.at("clock"));
  p.channels = static_cast<int>(node.at("channels").integer(1, 1024));
  p.bandwidth = node.at("bandwidth").quantity(Quantity::bandwidth);
  p.interleave = static_cast<std::uint64_t>(node.at("interleave").quantity(Quantity::bytes));
  p.access = static_cast<std::uint64_t>(node.at("access").quantity(Quantity::bytes));
  p.capacity = static_cast<std::uint64_t>(node.at("capacity").quantity(Quantity::bytes));
  p.energy = node.at("energy").text();
  if (!std::has_single_bit(p.access)) node.at("access").fail("must be a power of two");
  if (!std::has_single_bit(p.interleave) || p.interleave < p.access) {
    node.at("interleave").fail(fmt::format("must be a power of two and at least access ({} B)", p.access));
  }
}

}  // namespace

Parameters Parameters::read(const config::Node& node) {
  Parameters p;
  node.at("kind").choice({"ideal"});
  // A file that the map was merged from is its preset.
  if (!node.sources().empty()) p.preset = node.sources().front().stem().string();
  read_ideal(node, p);
  p.latency = node.at("latency").quantity(Quantity::time);
  p.credits = static_cast<int>(node.at("credits").integer(1, 1 << 20));
  if (const auto path = node.find("path")) p.path = path->text();
  return p;
}

double Parameters::bit_picojoules(const activity::Technology& technology) const {
  double picojoules = path.empty() ? 0 : technology.picojoules(path);
  if (!energy.empty()) picojoules += technology.picojoules(energy);
  return picojoules;
}

std::vector<std::pair<std::string, std::string>> Parameters::describe() const {
  return {{"memory", fmt::format("{}ideal channels", preset.empty() ? "" : preset + ", ")},
          {"memory capacity", fmt::format("{:.4g} GiB", static_cast<double>(capacity) / (1ull << 30))},
          {"memory bandwidth", fmt::format("{:.4g} GB/s", bandwidth / 1e9)},
          {"memory latency", fmt::format("{:.4g} ns", latency * 1e9)},
          {"memory channels", fmt::format("{} x {} B accesses, {} B interleave", channels, access, interleave)},
          {"memory requests in flight", std::to_string(credits)}};
}

}  // namespace triad::memory
