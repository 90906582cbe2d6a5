#include "sim/workload/npz.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <memory>
#include <system_error>
#include <vector>

#include "sim/workload/npy.hpp"

namespace triad::workload {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Discard>;
using Entry = std::unique_ptr<zip_file_t, Discard>;

Archive open(const std::filesystem::path& file, int flags) {
  int code = 0;
  Archive archive(zip_open(file.c_str(), flags, &code));
  if (archive) return archive;
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  throw NpzError(fmt::format("{}: {}", file.string(), reason));
}

/// The uncompressed bytes of one entry. libzip verifies the checksum when the end is read.
std::vector<std::byte> contents(zip_t* archive, zip_uint64_t index, const std::string& name) {
  const auto corrupt = [&](const char* reason) {
    return NpzError(fmt::format("{}: corrupt archive: {}", name, reason));
  };
  zip_stat_t stat;
  if (zip_stat_index(archive, index, 0, &stat) != 0) throw corrupt(zip_strerror(archive));
  const Entry entry(zip_fopen_index(archive, index, 0));
  if (!entry) throw corrupt(zip_strerror(archive));
  // Read in pieces: a corrupt directory may promise any size.
  std::vector<std::byte> bytes, piece(1 << 20);
  while (true) {
    const zip_int64_t count = zip_fread(entry.get(), piece.data(), piece.size());
    if (count < 0) throw corrupt(zip_file_strerror(entry.get()));
    if (count == 0) break;
    bytes.insert(bytes.end(), piece.begin(), piece.begin() + count);
  }
  if (bytes.size() != stat.size) throw corrupt("an array is shorter than its directory says");
  return bytes;
}

/// 1980-01-01 00:00, the first moment that a ZIP file can state: year - 1980, month and day in 7, 4 and 5 bits.
constexpr zip_uint16_t fixed_date = 0 << 9 | 1 << 5 | 1;

}  // namespace

Arrays read_npz(const std::filesystem::path& file) {
  const Archive archive = open(file, ZIP_RDONLY);
  Arrays arrays;
  const zip_int64_t count = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t index = 0; index < count; ++index) {
    const char* entry = zip_get_name(archive.get(), static_cast<zip_uint64_t>(index), 0);
    if (entry == nullptr) throw NpzError(fmt::format("{}: {}", file.string(), zip_strerror(archive.get())));
    std::string name = entry;
    if (!name.ends_with(".npy")) {
      throw NpzError(fmt::format("{}: holds '{}', which is not an NPY array", file.string(), name));
    }
    name.resize(name.size() - 4);
    const std::string place = fmt::format("{}: {}", file.string(), name);
    arrays[name] = decode_npy(contents(archive.get(), static_cast<zip_uint64_t>(index), place), place);
  }
  return arrays;
}

void write_npz(const std::filesystem::path& file, const Arrays& arrays) {
  std::vector<std::vector<std::byte>> buffers;  // libzip reads them when the archive is closed
  for (const auto& [name, tensor] : arrays) {
    buffers.push_back(encode_npy(tensor, fmt::format("{}: {}", file.string(), name)));
  }
  const std::filesystem::path temporary = file.string() + ".tmp";
  Archive archive = open(temporary, ZIP_CREATE | ZIP_TRUNCATE);
  const auto failed = [&] {
    return NpzError(fmt::format("{}: cannot be written: {}", file.string(), zip_strerror(archive.get())));
  };
  auto buffer = buffers.begin();
  for (const auto& [name, tensor] : arrays) {
    zip_source_t* source = zip_source_buffer(archive.get(), buffer->data(), buffer->size(), 0);
    ++buffer;
    if (source == nullptr) throw failed();
    const zip_int64_t index = zip_file_add(archive.get(), (name + ".npy").c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      throw failed();
    }
    const auto added = static_cast<zip_uint64_t>(index);
    if (zip_set_file_compression(archive.get(), added, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive.get(), added, 0, fixed_date, 0) != 0) {
      throw failed();
    }
  }
  if (zip_close(archive.get()) != 0) throw failed();
  archive.release();
  std::error_code error;
  std::filesystem::rename(temporary, file, error);
  if (error) {
    const std::string reason = error.message();
    std::filesystem::remove(temporary, error);
    throw NpzError(fmt::format("{}: cannot be written: {}", file.string(), reason));
  }
}

}  // namespace triad::workload
