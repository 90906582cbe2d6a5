#include "sim/experiment/staging.hpp"

#include <fmt/format.h>
#include <unistd.h>

namespace triad::experiment {

namespace fs = std::filesystem;

namespace {

fs::path temporary(const fs::path& file) {
  return file.parent_path() / fmt::format(".{}.{}.partial", file.filename().string(), ::getpid());
}

}  // namespace

Staging::~Staging() {
  std::error_code ignored;
  for (const fs::path& file : files_) fs::remove(temporary(file), ignored);
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) fs::remove(*folder, ignored);
}

void Staging::folder(const fs::path& path) {
  if (path.empty() || fs::exists(path)) return;
  folder(path.parent_path());
  fs::create_directory(path);
  folders_.push_back(path);
}

fs::path Staging::stage(const fs::path& file) {
  files_.push_back(file);
  return temporary(file);
}

void Staging::commit() {
  for (const fs::path& file : files_) {  // what would stop a rename, before the first
    if (fs::is_directory(file)) {
      throw fs::filesystem_error("a folder stands there", file, std::make_error_code(std::errc::is_a_directory));
    }
  }
  for (const fs::path& file : files_) fs::rename(temporary(file), file);
  files_.clear();
  folders_.clear();
}

}  // namespace triad::experiment
