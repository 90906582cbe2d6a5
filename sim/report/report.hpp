#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "sim/device/job.hpp"
#include "sim/device/result.hpp"

/// What a run tells, for people (table) and for tools (JSON, CSV). Pure functions from results to text.
namespace triad::report {

/// The workload of a report: result.json's "workload".
struct Workload {
  std::string name, precision;
  int steps = 0;
  std::int64_t flops_per_step = 0;  ///< algorithmic
  std::int64_t parameters = 0;      ///< trained scalars
  device::Tolerance tolerance{};    ///< that --check grants; for people, not in result.json
};
Workload workload_of(const device::Job& job);

/// One workload and its runs, one per device.
struct Report {
  Workload workload;
  std::vector<device::RunResult> runs;
};

/// A run without a clock (the host reference) has values but no time.
inline bool is_timed(const device::RunResult& run) {
  return run.clock_hz > 0;
}

/// result.json, schema version 1 (design section 9), two spaces deep, with a newline at the end. What was not measured
/// is null; a loss that is no number is the string "NaN", "Infinity" or "-Infinity".
std::string json(const Report& report);
/// One line per run under a line of names; units are in the names; what was not measured is empty (RFC 4180).
std::string csv(const Report& report);

struct TableOptions {
  int width = 80;        ///< columns of the terminal
  bool verbose = false;  ///< the whole cycle stack and the actions of every unit; every op
};
/// One run for people: summary, cycle stacks, ops. The first row is the answer: how long it takes.
std::string run_table(const Workload& workload, const device::RunResult& run, const TableOptions& options);
/// The machines side by side, and in a sentence who wins by how much and what limits each.
std::string compare_table(const Report& report, const TableOptions& options);
/// The sentences under compare_table.
std::string verdict(const Report& report);

}  // namespace triad::report
