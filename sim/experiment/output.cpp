#include "sim/experiment/output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/experiment/staging.hpp"
#include "sim/workload/npz.hpp"

namespace triad::experiment {

namespace fs = std::filesystem;

namespace {

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw config::Error(fmt::format("{}: cannot be written: {}", file.string(), std::strerror(errno)));
}

void stage_run(Staging& staging, const report::Workload& workload, const device::RunResult& run,
               const fs::path& folder) {
  staging.folder(folder);
  if (!run.weights.empty()) workload::write_npz(staging.stage(folder / "weights.npz"), run.weights);
  if (!run.outputs.empty()) workload::write_npz(staging.stage(folder / "outputs.npz"), run.outputs);
  write_text(staging.stage(folder / "result.json"), report::json({workload, {run}}));
}

}  // namespace

void check_output(const fs::path& folder) {
  std::error_code error;
  fs::path existing = fs::absolute(folder).lexically_normal();
  while (!fs::exists(existing, error) && existing.has_relative_path()) existing = existing.parent_path();
  if (!fs::is_directory(existing, error)) {
    throw config::Error(fmt::format("--out {}: {} is no folder", folder.string(), existing.string()));
  }
  if (::access(existing.c_str(), W_OK | X_OK) != 0) {
    throw config::Error(fmt::format("--out {}: {}: {}", folder.string(), existing.string(), std::strerror(errno)));
  }
}

void write_output(const report::Report& report, const fs::path& folder) {
  const fs::path top = fs::absolute(folder).lexically_normal();
  Staging staging;
  try {
    if (report.runs.size() == 1) {
      stage_run(staging, report.workload, report.runs.front(), top);
    } else {
      staging.folder(top);
      for (const auto& run : report.runs) stage_run(staging, report.workload, run, top / run.device);
      write_text(staging.stage(top / "result.json"), report::json(report));
    }
    staging.commit();
  } catch (const fs::filesystem_error& error) {
    throw config::Error(fmt::format("--out {}: cannot be written: {}", folder.string(), error.what()));
  } catch (const workload::NpzError& error) {
    throw config::Error(fmt::format("--out {}: {}", folder.string(), error.what()));
  }
}

}  // namespace triad::experiment
