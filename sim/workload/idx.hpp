#pragma once
#include <filesystem>
#include <span>
#include <string>

#include "sim/device/host_tensor.hpp"

/// IDX, the format of MNIST's files: a magic number 00 00 TYPE RANK, one big-endian 32-bit extent per dimension, then
/// the values. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
namespace triad::workload {

/// Decodes IDX of unsigned bytes (type 08), the type of images and labels: int32 of the file's shape, 0 to 255. Throws
/// FileError with a message that starts with `name`.
device::HostTensor decode_idx(std::span<const std::byte> bytes, const std::string& name);

/// Reads a file. Throws FileError.
device::HostTensor read_idx(const std::filesystem::path& file);

}  // namespace triad::workload
