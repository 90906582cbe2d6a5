#pragma once
#include <filesystem>
#include <vector>

namespace triad::experiment {

/// Files under temporary names, renamed together by commit(); what is not committed is removed, folders that were made
/// too. Of the files also the first eight when SIGINT, SIGTERM or SIGHUP end the process, if it does not handle them.
class Staging {
 public:
  Staging() = default;
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging();
  /// Makes the folder, and those above it, where they are missing.
  void folder(const std::filesystem::path& path);
  /// Where to write what shall become `file`.
  std::filesystem::path stage(const std::filesystem::path& file);
  /// Throws std::filesystem::filesystem_error.
  void commit();

 private:
  std::vector<std::filesystem::path> files_, folders_;
};

}  // namespace triad::experiment
