#include "sim/workload/file_bytes.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <system_error>

namespace triad::workload {

std::vector<std::byte> read_bytes(const std::filesystem::path& file) {
  const auto failed = [&](const std::string& reason) { return FileError(file.string() + ": " + reason); };
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) throw failed("is a folder, not a file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw failed(std::generic_category().message(errno));
  // In pieces: what is no regular file has no size to ask for.
  std::vector<std::byte> bytes;
  std::vector<char> piece(1 << 20);
  while (stream) {
    stream.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    const auto* begin = reinterpret_cast<const std::byte*>(piece.data());
    bytes.insert(bytes.end(), begin, begin + stream.gcount());
  }
  if (stream.bad()) throw failed("cannot be read to its end");
  return bytes;
}

}  // namespace triad::workload
