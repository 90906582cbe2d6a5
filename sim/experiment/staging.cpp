#include "sim/experiment/staging.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace triad::experiment {

namespace fs = std::filesystem;

namespace {

fs::path temporary(const fs::path& file) {
  return file.parent_path() / fmt::format(".{}.{}.partial", file.filename().string(), ::getpid());
}

/// What a signal that ends the process removes: a handler may unlink, but neither allocate nor lock.
struct Slot {
  volatile std::sig_atomic_t used = 0;
  std::array<char, 4096> name{};  // PATH_MAX; a longer name is left behind
};
std::array<Slot, 8> slots;
::pid_t owner = 0;  // children have no part in it

extern "C" void remove_staged(int signal) {
  if (::getpid() == owner) {
    for (const Slot& slot : slots) {
      if (slot.used != 0) ::unlink(slot.name.data());
    }
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void keep_in_mind(const std::string& file) {
  owner = ::getpid();
  for (Slot& slot : slots) {
    if (slot.used != 0 || file.size() >= slot.name.size()) continue;
    std::memcpy(slot.name.data(), file.c_str(), file.size() + 1);
    slot.used = 1;
    break;
  }
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {  // unless somebody ignores or handles it
    const auto before = std::signal(signal, remove_staged);
    if (before != SIG_DFL) std::signal(signal, before);
  }
}

void forget(const std::string& file) {
  for (Slot& slot : slots) {
    if (slot.used != 0 && file == slot.name.data()) slot.used = 0;
  }
}

}  // namespace

Staging::~Staging() {
  std::error_code ignored;
  for (const fs::path& file : files_) {
    fs::remove(temporary(file), ignored);
    forget(temporary(file).string());
  }
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
  keep_in_mind(temporary(file).string());
  return temporary(file);
}

void Staging::commit() {
  for (const fs::path& file : files_) {  // what would stop a rename, before the first
    if (fs::is_directory(file)) {
      throw fs::filesystem_error("a folder stands there", file, std::make_error_code(std::errc::is_a_directory));
    }
  }
  for (const fs::path& file : files_) {
    fs::rename(temporary(file), file);
    forget(temporary(file).string());
  }
  files_.clear();
  folders_.clear();
}

}  // namespace triad::experiment
