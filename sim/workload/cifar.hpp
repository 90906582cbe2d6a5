#pragma once
#include <filesystem>
#include <span>
#include <string>

#include "sim/workload/npz.hpp"

/// CIFAR-10's binary version: records of 3,073 bytes, a class number 0 to 9 and an image of 3 colours x 32 rows x 32
/// columns. Source: A. Krizhevsky, "The CIFAR-10 dataset", binary version.
namespace triad::workload {

/// Decodes a batch: x, int32 [images, 3, 32, 32], 0 to 255, and y, int32 [images]. Throws FileError with a message that
/// starts with `name`.
Arrays decode_cifar10(std::span<const std::byte> bytes, const std::string& name);

/// Reads a file. Throws FileError.
Arrays read_cifar10(const std::filesystem::path& file);

}  // namespace triad::workload
