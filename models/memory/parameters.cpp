#include "models/memory/parameters.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>

#include "models/kit/outcome.hpp"

namespace triad::memory {

using config::Quantity;

namespace {

void read_dram(const config::Node& node, Parameters& p) {
  p.dram = dram::Parameters::read(node);
  p.clock_hz = p.dram->clock_hz;
  p.channels = p.dram->organization.controllers();
  p.bandwidth = p.dram->peak_bandwidth();
  p.interleave = p.dram->mapping.interleave;
  p.access = p.dram->organization.access_bytes();
  p.capacity = p.dram->organization.capacity();
}

/// Over a preset of DRAM, only what is to differ from it.
void read_ideal(const config::Node& node, Parameters& p) {
  const bool over_dram = p.dram.has_value();
  const auto given = [&](const char* key) { return !over_dram || node.find(key).has_value(); };
  if (!over_dram) {
    p.clock_hz = kit::read_clock(node.at("clock"));
    p.channels = static_cast<int>(node.at("channels").integer(1, 1024));
    p.energy = node.at("energy").text();
  }
  if (given("bandwidth")) p.bandwidth = node.at("bandwidth").quantity(Quantity::bandwidth);
  if (given("interleave")) p.interleave = static_cast<std::uint64_t>(node.at("interleave").quantity(Quantity::bytes));
  if (given("access")) p.access = static_cast<std::uint64_t>(node.at("access").quantity(Quantity::bytes));
  if (given("capacity")) p.capacity = static_cast<std::uint64_t>(node.at("capacity").quantity(Quantity::bytes));
  const auto fail = [&](const char* key, const std::string& message) {
    (given(key) ? node.at(key) : node).fail(message);
  };
  if (!std::has_single_bit(p.access)) fail("access", "must be a power of two");
  if (!std::has_single_bit(p.interleave) || p.interleave < p.access) {
    fail("interleave", fmt::format("must be a power of two and at least access ({} B)", p.access));
  }
}

}  // namespace

Parameters Parameters::read(const config::Node& node) {
  Parameters p;
  (void)node.find("summary");  // for `triad list`, of a memory's file
  const std::vector<std::string> kinds = {"dram", "ideal", "tlm"};
  p.kind = static_cast<Kind>(std::ranges::find(kinds, node.at("kind").choice(kinds)) - kinds.begin());
  // A file that the map was merged from is its preset.
  if (!node.sources().empty()) p.preset = node.sources().front().stem().string();
  if (p.kind == Kind::dram || node.find("organization")) read_dram(node, p);
  if (p.kind != Kind::dram) read_ideal(node, p);
  if (p.kind == Kind::tlm) {
    p.dram.reset();  // what it costs is the user's memory's
    p.tlm = tlm::Parameters::read(node.at("tlm"));
  } else if (const auto other = node.find("tlm")) {
    tlm::Parameters::read(*other);  // of the preset tlm, laid over with another kind
  }
  p.latency = node.at("latency").quantity(Quantity::time);
  p.credits = static_cast<int>(node.at("credits").integer(1, 1 << 20));
  if (const auto path = node.find("path")) p.path = path->text();
  return p;
}

double Parameters::bit_picojoules(const activity::Technology& technology) const {
  double picojoules = path.empty() ? 0 : technology.picojoules(path);
  if (!energy.empty()) picojoules += technology.picojoules(energy);
  if (kind == Kind::ideal && dram) {
    // A stream of reads activates every row once.
    picojoules += (dram->energy.read + dram->energy.activate / dram->organization.columns) /
                  (8 * static_cast<double>(dram->organization.access_bytes()));
  }
  return picojoules;
}

double Parameters::background_watts() const {
  return kind == Kind::dram ? dram->energy.background_watts * dram->organization.controllers() : 0;
}

std::string Parameters::capacity_key() const {
  return kind != Kind::dram ? "memory.capacity" : "memory.channels, memory.organization.rows";
}

std::vector<std::pair<std::string, std::string>> Parameters::describe() const {
  const char* what = kind == Kind::dram ? "DRAM" : kind == Kind::ideal ? "ideal channels" : "a TLM-2.0 memory";
  std::vector<std::pair<std::string, std::string>> rows = {
      {"memory", fmt::format("{}{}", preset.empty() ? "" : preset + ", ", what)},
      {"memory capacity", fmt::format("{:.4g} GiB", static_cast<double>(capacity) / (1ull << 30))},
      {"memory bandwidth", fmt::format("{:.4g} GB/s", bandwidth / 1e9)},
      {"memory latency", fmt::format("{:.4g} ns{}", latency * 1e9, kind == Kind::dram ? " and the DRAM's own" : "")},
      {"memory requests in flight", std::to_string(credits)}};
  if (kind == Kind::ideal) {
    rows.emplace_back("memory channels",
                      fmt::format("{} x {} B accesses, {} B interleave", channels, access, interleave));
  }
  const auto more = kind == Kind::dram  ? dram->describe()
                    : kind == Kind::tlm ? tlm->describe()
                                        : std::vector<std::pair<std::string, std::string>>{};
  rows.insert(rows.end(), more.begin(), more.end());
  return rows;
}

}  // namespace triad::memory
