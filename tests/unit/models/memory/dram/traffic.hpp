#pragma once
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "models/memory/dram/dram.hpp"

/// Drives the presets of configs/memory as hard as they go: everything arrives in cycle 0, so a controller's queues are
/// full until the end. A checker watches every command.
namespace triad::memory::dram {

inline Parameters preset(const std::string& name, const std::vector<std::string>& overrides = {}) {
  return Parameters::read(config::load(config::presets() / "memory" / (name + ".yaml"), overrides));
}

/// What all controllers did, and in how many cycles.
struct Outcome {
  Statistics statistics;
  Cycle cycles = 0;
  double bytes = 0;
  Parameters parameters;

  std::uint64_t columns() const { return statistics.reads + statistics.writes; }
  double seconds() const { return static_cast<double>(cycles) / static_cast<double>(parameters.clock_hz); }
  /// Share of the peak bandwidth.
  double of_peak() const { return bytes / seconds() / parameters.peak_bandwidth(); }
  /// Cycles of one controller for one column.
  double cycles_per_column() const {
    return static_cast<double>(cycles) * parameters.organization.controllers() / static_cast<double>(columns());
  }
  /// Picojoules of a bit moved, by what they were spent on.
  double activate_bit() const { return bit(static_cast<double>(statistics.activates) * parameters.energy.activate); }
  double column_bit() const {
    return bit(static_cast<double>(statistics.reads) * parameters.energy.read +
               static_cast<double>(statistics.writes) * parameters.energy.write);
  }
  double refresh_bit() const {
    const bool per_bank = parameters.scheduler.refresh == RefreshPolicy::per_bank;
    return bit(static_cast<double>(statistics.refreshes) * parameters.energy.refresh /
               (per_bank ? parameters.organization.banks_per_rank() : 1));
  }
  double background_bit() const {
    return bit(parameters.energy.background_watts * parameters.organization.controllers() * seconds() * 1e12);
  }
  double picojoules_per_bit() const { return activate_bit() + column_bit() + refresh_bit() + background_bit(); }

 private:
  double bit(double picojoules) const { return picojoules / (bytes * 8); }
};

/// Runs all controllers until nothing is left.
inline Outcome run(Dram& dram, const Parameters& parameters, double bytes) {
  Outcome outcome;
  outcome.bytes = bytes;
  outcome.parameters = parameters;
  std::vector<Served> served;
  std::vector<Transfer> transfers;
  for (Controller& controller : dram.controllers()) {
    for (Cycle until = 500; !controller.idle(); until += 500) controller.advance(until, served, transfers);
    const Statistics s = controller.statistics();
    outcome.statistics.activates += s.activates;
    outcome.statistics.reads += s.reads;
    outcome.statistics.writes += s.writes;
    outcome.statistics.refreshes += s.refreshes;
  }
  for (const Served& s : served) outcome.cycles = std::max(outcome.cycles, s.last);
  for (const Transfer& t : transfers) outcome.cycles = std::max(outcome.cycles, t.to);
  return outcome;
}

/// `columns` of each controller, in order of address.
inline Outcome sequential(const Parameters& parameters, std::uint64_t columns, bool write) {
  Dram dram(parameters, true);
  const std::uint64_t bytes = columns * parameters.organization.access_bytes() *
                              static_cast<std::uint64_t>(parameters.organization.controllers());
  dram.push(0, 0, bytes, write, {}, 0);
  return run(dram, parameters, static_cast<double>(bytes));
}

/// Single columns anywhere, so many in ten of them written.
inline Outcome random_columns(const Parameters& parameters, std::uint64_t columns, unsigned writes_in_ten) {
  Dram dram(parameters, true);
  std::mt19937_64 random(1);
  const std::uint64_t access = parameters.organization.access_bytes(),
                      places = parameters.organization.capacity() / access,
                      all = columns * static_cast<std::uint64_t>(parameters.organization.controllers());
  for (std::uint64_t i = 0; i < all; ++i) {
    const std::uint64_t address = random() % places * access;
    dram.push(i, address, access, writes_in_ten != 0 && random() % 10 < writes_in_ten, {}, 0);
  }
  return run(dram, parameters, static_cast<double>(all * access));
}

inline Outcome random_reads(const Parameters& parameters, std::uint64_t columns) {
  return random_columns(parameters, columns, 0);
}

/// STREAM: `arrays` - 1 of them are read, the last one is written, 2 KiB of each in turn. An array's pages of 2 MiB lie
/// anywhere in the memory, as virtual memory places them.
inline Outcome stream(const Parameters& parameters, std::uint64_t columns, std::uint64_t arrays, unsigned seed) {
  constexpr std::uint64_t page = 2u << 20, piece = 2048;
  Dram dram(parameters, true);
  std::mt19937_64 random(seed);
  const std::uint64_t pages = columns * parameters.organization.access_bytes() *
                              static_cast<std::uint64_t>(parameters.organization.controllers()) / page / arrays;
  const std::uint64_t places = parameters.organization.capacity() / page;
  std::vector<std::uint64_t> of_array(arrays);
  for (std::uint64_t p = 0; p < pages; ++p) {
    for (std::uint64_t& place : of_array) place = random() % places * page;
    for (std::uint64_t at = 0; at < page; at += piece) {
      for (std::uint64_t a = 0; a < arrays; ++a) dram.push(p, of_array[a] + at, piece, a == arrays - 1, {}, 0);
    }
  }
  return run(dram, parameters, static_cast<double>(pages * page * arrays));
}

/// The same with arrays that lie one after another, `bytes` each.
inline Outcome plain_stream(const Parameters& parameters, std::uint64_t columns, std::uint64_t arrays,
                            std::uint64_t bytes) {
  constexpr std::uint64_t piece = 2048;
  Dram dram(parameters, true);
  const std::uint64_t pieces = columns * parameters.organization.access_bytes() *
                               static_cast<std::uint64_t>(parameters.organization.controllers()) / piece / arrays;
  for (std::uint64_t p = 0; p < pieces; ++p) {
    for (std::uint64_t a = 0; a < arrays; ++a) dram.push(p, a * bytes + p * piece, piece, a == arrays - 1, {}, 0);
  }
  return run(dram, parameters, static_cast<double>(pieces * piece * arrays));
}

}  // namespace triad::memory::dram
