#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "sim/config/node.hpp"

namespace triad::config {

namespace fs = std::filesystem;

/// What the error says that `act` throws.
inline std::string message(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// A folder of its own, removed at the end.
struct Folder {
  Folder() : path(fs::temp_directory_path() / ("triad_config_" + std::to_string(::getpid()))) {
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
    return path / name;
  }
  fs::path path;
};

}  // namespace triad::config
