#pragma once
#include <filesystem>

#include "sim/report/report.hpp"

namespace triad::experiment {

/// Throws config::Error when results cannot be written there: before a run, not after it.
void check_output(const std::filesystem::path& folder);

/// Writes result.json and, where there are values, weights.npz (the final parameters) and outputs.npz (the results of a
/// graph without loss); of several runs each has a folder with its name, with its own files, beside the result.json of
/// all. Files appear whole and under their names at the end,
/// or not at all.
void write_output(const report::Report& report, const std::filesystem::path& folder);

}  // namespace triad::experiment
