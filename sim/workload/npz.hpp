#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "sim/device/host_tensor.hpp"
#include "sim/workload/file_bytes.hpp"

/// Arrays in files: NPZ, NumPy's archive of named arrays (a ZIP file with one NPY file per array).
/// Format: "NEP 1: A Simple File Format for NumPy Arrays" and numpy.lib.format, versions 1.0 to 3.0.
namespace triad::workload {

/// An NPZ or NPY file is at fault.
struct NpzError : FileError {
  using FileError::FileError;
};

using Arrays = std::map<std::string, device::HostTensor>;

/// Reads every array. float32 and float64 become fp32 (rounded to nearest), int32, int64 and uint8 become int32.
/// Throws NpzError when the file is missing, truncated or corrupt, an array has another type, stands in Fortran order,
/// is big-endian, or holds an integer that does not fit int32.
Arrays read_npz(const std::filesystem::path& file);

/// Writes fp32 and int32 arrays, in name order, uncompressed and with a fixed time stamp: equal arrays give equal
/// bytes. The file appears whole or not at all. Throws NpzError when it cannot be written or a tensor has another
/// format.
void write_npz(const std::filesystem::path& file, const Arrays& arrays);

}  // namespace triad::workload
