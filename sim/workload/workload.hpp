#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/device/job.hpp"

/// A workload file into a job: the graph of its training step and its data. README.md describes the format.
namespace triad::workload {

/// Reads a workload: every key it knows; others are rejected. An NPZ file is relative to the file that names it.
/// Throws config::Error: file:line:column, what was found and what would be right.
device::Job read(const config::Node& workload);

/// Reads a workload file with overrides ("steps=5").
device::Job load(const std::filesystem::path& file, const std::vector<std::string>& overrides = {});

}  // namespace triad::workload
