#pragma once
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <vector>

/// Files of arrays as bytes, and what is thrown about them.
namespace triad::workload {

/// The file is at fault. what() names the file (and the array or the line), what was found and what would be right.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// All bytes of a file. Throws FileError when it cannot be read or is a folder.
std::vector<std::byte> read_bytes(const std::filesystem::path& file);

}  // namespace triad::workload
