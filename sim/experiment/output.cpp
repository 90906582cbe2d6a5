#include "sim/experiment/output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "sim/config/node.hpp"
#include "sim/workload/npz.hpp"

namespace triad::experiment {

namespace fs = std::filesystem;

namespace {

/// Files under temporary names, renamed together by commit(); what is not committed is removed, folders that were made
/// too.
class Staging {
 public:
  Staging() = default;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    std::error_code ignored;
    for (const fs::path& file : files_) fs::remove(temporary(file), ignored);
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) fs::remove(*folder, ignored);
  }
  void folder(const fs::path& path) {
    if (path.empty() || fs::exists(path)) return;
    folder(path.parent_path());
    fs::create_directory(path);
    folders_.push_back(path);
  }
  /// Where to write what shall become `file`.
  fs::path stage(const fs::path& file) {
    files_.push_back(file);
    return temporary(file);
  }
  void commit() {
    for (const fs::path& file : files_) {  // what would stop a rename, before the first
      if (fs::is_directory(file)) {
        throw fs::filesystem_error("a folder stands there", file, std::make_error_code(std::errc::is_a_directory));
      }
    }
    for (const fs::path& file : files_) fs::rename(temporary(file), file);
    files_.clear();
    folders_.clear();
  }

 private:
  static fs::path temporary(const fs::path& file) {
    return file.parent_path() / fmt::format(".{}.{}.partial", file.filename().string(), ::getpid());
  }
  std::vector<fs::path> files_, folders_;
};

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
