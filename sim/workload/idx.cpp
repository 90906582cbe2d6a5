#include "sim/workload/idx.hpp"

#include <fmt/format.h>

#include "sim/workload/file_bytes.hpp"

namespace triad::workload {
namespace {

/// What the third byte of the magic number says; as the format's page lists them.
const char* type_name(int type) {
  switch (type) {
    case 0x08:
      return "unsigned byte";
    case 0x09:
      return "signed byte";
    case 0x0b:
      return "16-bit integer";
    case 0x0c:
      return "32-bit integer";
    case 0x0d:
      return "float";
    case 0x0e:
      return "double";
    default:
      return nullptr;
  }
}

}  // namespace

device::HostTensor decode_idx(std::span<const std::byte> bytes, const std::string& name) {
  const auto byte = [&](std::size_t at) { return std::to_integer<std::uint32_t>(bytes[at]); };
  const auto failed = [&](const std::string& reason) { return FileError(name + ": " + reason); };
  if (bytes.size() >= 2 && byte(0) == 0x1f && byte(1) == 0x8b) {
    throw failed("is compressed with gzip; unpack it first (gunzip)");
  }
  if (bytes.size() < 4) throw failed(fmt::format("{} bytes are no IDX file: its magic number has 4", bytes.size()));
  const int type = static_cast<int>(byte(2));
  if (byte(0) != 0 || byte(1) != 0 || type_name(type) == nullptr) {
    throw failed(
        fmt::format("not an IDX file: it starts with {:02x} {:02x} {:02x} {:02x}, must be 00 00 08 and the "
                    "number of dimensions",
                    byte(0), byte(1), byte(2), byte(3)));
  }
  if (type != 0x08) throw failed(fmt::format("holds values of type {}, must be unsigned byte (08)", type_name(type)));
  const std::size_t rank = byte(3), header = 4 + 4 * rank;
  if (rank == 0) throw failed("has no dimension, must have one or more");
  if (bytes.size() < header) {
    throw failed(
        fmt::format("truncated: {} dimensions take a header of {} bytes, it has {}", rank, header, bytes.size()));
  }
  graph::Shape shape;
  std::size_t count = 1;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::size_t at = 4 + 4 * axis;
    const std::uint32_t extent = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (extent == 0) throw failed(fmt::format("dimension {} is 0, must be at least 1", axis));
    shape.push_back(extent);
    // A product beyond the file's size is wrong, however large: no overflow.
    count = count > bytes.size() ? count : count * extent;
  }
  if (count != bytes.size() - header) {
    throw failed(fmt::format("shape {} does not take the {} bytes behind the header", graph::to_string(shape),
                             bytes.size() - header));
  }
  std::vector<std::int32_t> values;
  values.reserve(count);
  for (const std::byte value : bytes.subspan(header)) values.push_back(std::to_integer<std::int32_t>(value));
  return device::HostTensor::of_integers(std::move(shape), values);
}

device::HostTensor read_idx(const std::filesystem::path& file) {
  return decode_idx(read_bytes(file), file.string());
}

}  // namespace triad::workload
